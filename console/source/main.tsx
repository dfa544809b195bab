import { render } from 'preact'
import { App } from './app.tsx'
import { followLanguage } from './language/index.ts'
import { followTheme } from './state/preferences.ts'
import { loadSession } from './state/session.ts'
import './styles/index.css'

followTheme()
followLanguage()
void loadSession()
const root = document.getElementById('console')
// In the place of the frame that was painted first.
root?.replaceChildren()
if (root) render(<App />, root)

import { route } from '../state/route.ts'
import { Comparison } from './comparison.tsx'
import { RunList } from './run-list.tsx'
import { RunView } from './run-view.tsx'

export function RunsPage() {
  const { id, compare } = route.value
  if (id) return <RunView key={id} name={id} />
  if (compare && compare.length > 1) return <Comparison key={compare.join('\n')} names={compare} />
  return <RunList />
}

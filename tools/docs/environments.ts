/*
 * Writes docs/environments.md: how to write one, and what comes with the package.
 *   npm run docs:environments
 */
import { writeFile } from 'node:fs/promises'
import { environmentsPage } from './environments-page.ts'

await writeFile(new URL('../../docs/environments.md', import.meta.url), await environmentsPage())

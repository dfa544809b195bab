import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { environmentsPage } from './environments-page.ts'

it('docs/environments.md is what the environments say', async () => {
  expect(readFileSync(new URL('../../docs/environments.md', import.meta.url), 'utf8')).toBe(await environmentsPage())
})

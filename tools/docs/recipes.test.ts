import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { recipesPage } from './recipes-page.ts'

it('docs/recipes.md is what the schemas say', () => {
  expect(readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8')).toBe(recipesPage())
})

/*
 * Writes docs/recipes.md from the schemas of the recipe language.
 *   npm run docs:recipes
 */
import { writeFile } from 'node:fs/promises'
import { recipesPage } from './recipes-page.ts'

await writeFile(new URL('../../docs/recipes.md', import.meta.url), recipesPage())

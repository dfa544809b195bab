import { isNode, LineCounter, parseDocument } from 'yaml'
import { R1Error } from '../errors.ts'

/** A YAML file that knows on which line each of its values stands. */
export interface RecipeDocument {
  readonly file: string
  readonly value: unknown
  /** Line of the value under a path, from 1; of its nearest parent where there is none. */
  lineOf(path: readonly PropertyKey[]): number
}

/** The most bytes of a recipe: more is no recipe. */
const largestRecipe = 1 << 20

/** @throws R1Error `bad-recipe`, naming line and problem */
export function parseRecipeDocument(text: string, file: string): RecipeDocument {
  if (text.length > largestRecipe) throw badRecipe(file, 1, 'it is larger than 1 MiB', 'Give a recipe, not its data.')
  const lineCounter = new LineCounter()
  // Aliases could blow a small file up; `merge` and custom tags are not needed.
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, strict: true })
  const [problem] = document.errors
  if (problem) {
    const { line } = lineCounter.linePos(problem.pos[0])
    const [summary = 'it cannot be read'] = problem.message.split(/ at line|\n/)
    throw badRecipe(file, line, summary, 'Mend the YAML there.')
  }
  return {
    file,
    value: document.toJS({ maxAliasCount: 100 }),
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const node = document.getIn(path.slice(0, length), true)
        if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line
      }
      return 1
    },
  }
}

/** The error for a recipe that cannot be run. */
export function badRecipe(file: string, line: number, problem: string, remedy: string): R1Error {
  return new R1Error('bad-recipe', `${file}, line ${line}: ${problem}.`, { remedy })
}

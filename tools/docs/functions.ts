import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'

/** A public function of the graph language. */
export interface PublicFunction {
  readonly name: string
  /** First sentence of its docstring. */
  readonly summary: string
}

const folder = new URL('../../src/tensor/ops/', import.meta.url)

/** Every function with a docstring in the files of the op table that `names` holds, by name. */
export function documentedFunctions(names: ReadonlySet<string>): PublicFunction[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return files
    .flatMap((file) => functionsOf(file, readFileSync(new URL(file, folder), 'utf8')))
    .filter(({ name }) => names.has(name))
    .sort((left, right) => left.name.localeCompare(right.name, 'en'))
}

function functionsOf(file: string, text: string): PublicFunction[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  return source.statements.filter(isExported).flatMap((statement) => {
    const name = nameOf(statement)
    const [documentation] = ts.getJSDocCommentsAndTags(statement).filter(ts.isJSDoc)
    const comment = ts.getTextOfJSDocComment(documentation?.comment)
    return name && comment ? [{ name, summary: firstSentence(comment) }] : []
  })
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
}

function nameOf(statement: ts.Statement): string | undefined {
  if (ts.isFunctionDeclaration(statement)) return statement.name?.text
  if (!ts.isVariableStatement(statement)) return undefined
  const name = statement.declarationList.declarations[0]?.name
  return name && ts.isIdentifier(name) ? name.text : undefined
}

/** Text up to the first full stop or semicolon that ends a thought, on one line. */
function firstSentence(comment: string): string {
  const line = comment.replaceAll(/\s+/g, ' ').trim()
  const end = /[.;:](?= [A-Z`]|$)/.exec(line.replaceAll(/et al\./g, 'et al_'))
  return (end ? line.slice(0, end.index) : line).trim()
}

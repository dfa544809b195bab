import ts from 'typescript'

/** What one file asks for: the text between the quotes, and the line it stands on (from 1). */
export interface Specifier {
  text: string
  line: number
}

/**
 * Lists every module a TypeScript file names: imports and re-exports (also of types), `import()` of values and of
 * types, and files named by `new URL('…', import.meta.url)`, as workers are.
 */
export function specifiersOf(path: string, source: string): Specifier[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest)
  const found: Specifier[] = []

  const visit = (node: ts.Node): void => {
    const named = moduleNamedBy(node)
    if (named !== undefined && ts.isStringLiteralLike(named)) {
      found.push({ text: named.text, line: file.getLineAndCharacterOfPosition(named.getStart(file)).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function moduleNamedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0]
  return workerNamedBy(node)
}

/** The file of `new URL('./worker.ts', import.meta.url)`; folders and files of data are not code. */
function workerNamedBy(node: ts.Node): ts.Node | undefined {
  if (!ts.isNewExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== 'URL') return undefined
  const [path, base] = node.arguments ?? []
  if (path === undefined || !ts.isStringLiteralLike(path) || !path.text.endsWith('.ts')) return undefined
  return base !== undefined && ts.isPropertyAccessExpression(base) && ts.isMetaProperty(base.expression)
    ? path
    : undefined
}

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { compileFunction, constants } from 'node:vm'

type XGrammar = typeof import('@mlc-ai/web-xgrammar')

let loading: Promise<XGrammar> | undefined

/**
 * The package `@mlc-ai/web-xgrammar`, loaded when it is first needed. Its one file is CommonJS, but its manifest calls it an
 * ES module, which Node believes: so it is compiled here as what it is.
 */
export function xgrammar(): Promise<XGrammar> {
  loading ??= load()
  return loading
}

async function load(): Promise<XGrammar> {
  const require = createRequire(import.meta.url)
  const path = require.resolve('@mlc-ai/web-xgrammar')
  const run = compileFunction(
    await readFile(path, 'utf8'),
    ['exports', 'require', 'module', '__filename', '__dirname'],
    {
      filename: path,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    },
  )
  const module = { exports: {} }
  run.call(module.exports, module.exports, require, module, path, dirname(path))
  return module.exports as XGrammar
}

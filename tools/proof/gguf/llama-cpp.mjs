/**
 * Generates greedily with llama.cpp. Runs in the folder where node-llama-cpp is installed.
 *
 *     node llama-cpp.mjs '[{"file": "x.gguf", "text": "…", "prompt": [1, 2], "count": 64}, …]'
 *
 * Prints one line of JSON a file: { file, ids: tokens of the text, tokens: what follows the prompt }.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.cwd()}/package.json`)
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href)
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 2 })

for (const { file, text, prompt, count } of JSON.parse(process.argv[2])) {
  const model = await llama.loadModel({ modelPath: file })
  const ids = model.tokenize(text, false)
  const context = await model.createContext({ contextSize: 256, threads: 2 })
  const tokens = []
  for await (const token of context.getSequence().evaluate(prompt ?? ids, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token)
    if (tokens.length === count) break
  }
  process.stdout.write(`${JSON.stringify({ file, ids, tokens })}\n`)
  await context.dispose()
  await model.dispose()
}
process.exit(0)

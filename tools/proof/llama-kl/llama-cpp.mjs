/**
 * The logits of llama.cpp after every token of some windows of text. Runs in the folder where node-llama-cpp is installed.
 *
 *     node llama-cpp.mjs '{"file": "x.gguf", "windows": [[1, 2, …], …], "to": "folder"}'
 *
 * Writes `<folder>/<window>.f32`, `[tokens − 1, vocabulary]`.
 */
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.cwd()}/package.json`)
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href)
const { file, windows, to } = JSON.parse(process.argv[2])
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 2 })
const model = await llama.loadModel({ modelPath: file })
const context = await model.createContext({ contextSize: 512, threads: 2 })
const sequence = context.getSequence()

for (const [index, tokens] of windows.entries()) {
  await sequence.clearHistory()
  const rows = []
  // Without a temperature and with every token allowed, so that no option changes the logits.
  const options = { temperature: 1, topK: 0, topP: 1, minP: 0, logits: true }
  const input = tokens.slice(0, -1).map((token) => [token, { generateNext: options }])
  await sequence.controlledEvaluate(input, {
    onTokenResult: (at, { next }) => {
      const row = new Float32Array(next.logits.size)
      for (const [token, logit] of next.logits) row[token] = logit
      rows[at] = row
      // Results are kept until the end otherwise.
      next.logits.clear()
    },
  })
  writeFileSync(join(to, `${index}.f32`), Buffer.concat(rows.map((row) => Buffer.from(row.buffer))))
}
process.exit(0)

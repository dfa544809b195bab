/** Counts the functions of ONNX Runtime's public header and compares each place with `src/runtime/ort/functions.ts`. */
import { readFileSync } from 'node:fs'
import { functions } from '../../src/runtime/ort/functions.ts'

const path = process.argv[2]
if (path === undefined) {
  console.error('usage: npm run check:ort -- path/to/onnxruntime_c_api.h')
  process.exit(2)
}

const header = readFileSync(path, 'utf8')
  .replace(/\/\*[\s\S]*?\*\//g, '')
  .replace(/\/\/.*$/gm, '')
const struct = /struct OrtApi \{([\s\S]*?)\n\};/.exec(header)?.[1]
if (struct === undefined) throw new Error(`${path} has no struct OrtApi`)

const names = struct
  .replace(/^\s*#.*$/gm, '')
  .split(';')
  .filter((declaration) => declaration.trim() !== '')
  .map((declaration) => {
    const released = /ORT_CLASS_RELEASE\(\s*(\w+)/.exec(declaration)?.[1]
    const name = /(?:ORT_API2_STATUS\(\s*|ORT_API_T\([^,]*,\s*|\(\s*ORT_API_CALL\s*\*\s*)(\w+)/.exec(declaration)?.[1]
    return released === undefined ? name : `Release${released}`
  })

const wrong = Object.entries(functions).filter(([name, { slot }]) => names[slot] !== name)
for (const [name, { slot }] of wrong)
  console.error(`${name}: the table says ${slot}, the header ${names.indexOf(name)}`)
console.log(
  `${Object.keys(functions).length} functions compared with ${names.length} of the header, ${wrong.length} wrong`,
)
process.exit(wrong.length === 0 ? 0 : 1)

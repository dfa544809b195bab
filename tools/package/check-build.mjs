/**
 * Fails where a built file imports a `.ts` file, which is not there: the compiler leaves the ending of a dynamic `import`
 * as it is in a function that also has `using`. The cure is to put the import into a function of its own.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const dist = resolve(import.meta.dirname, '../../dist')
const broken = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js'))
  .flatMap((name) => {
    const found =
      readFileSync(join(dist, name), 'utf8').match(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"]\.[^'"\n]*\.ts['"]/g) ?? []
    return found.map((text) => `dist/${name}: ${text}`)
  })
for (const line of broken) console.error(line)
if (broken.length > 0) {
  console.error('A built file imports a .ts file: put dynamic imports into functions without `using`.')
  process.exitCode = 1
}

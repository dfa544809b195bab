import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { R1Error } from '../../errors.ts'
import type { ProductShape } from '../../tensor/index.ts'
import { type KernelLibrary, kernelLibrary } from '../kernels.ts'
import { runtimeInformation } from '../ort/information.ts'
import { shippedTables } from './shipped.ts'
import { isKernelFaster, measuredShapes, type ProductTable } from './table.ts'

/** `kernel` and `onnxruntime` take one side for every product; a table decides by shape. */
export type ProductChoice = 'kernel' | 'onnxruntime' | ProductTable

/** How this process decides which products are the kernel's. */
export interface ProductRule {
  readonly choice: ProductChoice
  /** Where the choice comes from, in a few words. */
  readonly source: string
}

/** What a table holds for: another processor, library or ONNX Runtime needs another one. */
export interface MachineKey {
  readonly processor: string
  /** SHA-256 of the library. */
  readonly library: string
  readonly onnxruntime: string
}

const ratios = z.record(z.string(), z.number().positive())
const fileSchema = z.object({
  processor: z.string(),
  library: z.string(),
  onnxruntime: z.string(),
  f32: ratios,
  bf16: ratios,
})

/** @param library path of the kernel library */
export function machineKey(library: string): MachineKey {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    library: createHash('sha256').update(readFileSync(library)).digest('hex'),
    onnxruntime: runtimeInformation().version,
  }
}

/** Where `r1 bench gemm` keeps the table of this machine. */
export function tableFile(environment: NodeJS.ProcessEnv = process.env): string {
  const caches =
    environment.XDG_CACHE_HOME ||
    (process.platform === 'win32' ? environment.LOCALAPPDATA : undefined) ||
    join(homedir(), '.cache')
  return join(caches, 'deepseek-r1', 'products.json')
}

export function writeTable(file: string, key: MachineKey, table: ProductTable): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...key, ...table }, undefined, 2)}\n`)
}

/** The table in a file, if the file is there and was made by `r1 bench gemm` for this machine. */
export function readTable(file: string, key: MachineKey): ProductTable | undefined {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
  const { success, data } = fileSchema.safeParse(content)
  if (!success) return undefined
  const names = Object.keys(key) as (keyof MachineKey)[]
  return names.every((name) => data[name] === key[name]) ? data : undefined
}

let known: ProductRule | undefined

/**
 * The rule of this process, found once: `R1_PRODUCTS` (`kernel` or `onnxruntime`), else what `r1 bench gemm` measured on this
 * machine, else what was measured for its instruction set when the package was made.
 *
 * @throws R1Error `bad-environment` where R1_PRODUCTS is something else
 */
export function productRule(): ProductRule {
  known ??= findRule(kernelLibrary(), process.env)
  return known
}

/** As `productRule`, with everything given and nothing remembered. */
export function findRule({ path, instructions }: KernelLibrary, environment: NodeJS.ProcessEnv): ProductRule {
  const wish = environment.R1_PRODUCTS
  if (wish === 'kernel' || wish === 'onnxruntime') return { choice: wish, source: 'set by R1_PRODUCTS' }
  if (wish) {
    throw new R1Error('bad-environment', `R1_PRODUCTS is '${wish}'.`, {
      remedy: "Set it to 'kernel' or 'onnxruntime'.",
    })
  }
  if (!path) return { choice: 'onnxruntime', source: 'there are no kernels' }
  const measured = readTable(tableFile(environment), machineKey(path))
  if (measured) return { choice: measured, source: 'measured on this machine' }
  const shipped = shippedTables[instructions ?? '']
  if (shipped) return { choice: shipped, source: `shipped for ${instructions}` }
  return { choice: instructions === 'amx' ? tiles : 'onnxruntime', source: `nothing was measured for ${instructions}` }
}

/** Only the kernel multiplies by bf16 tiles: many times the rate of f32. */
const tiles: ProductTable = { f32: {}, bf16: Object.fromEntries(measuredShapes.map(({ name }) => [name, 2])) }

/** Whether the kernel computes a product. */
export function isNativeProduct(choice: ProductChoice, product: ProductShape): boolean {
  if (choice === 'kernel') return true
  return choice === 'onnxruntime' ? false : isKernelFaster(choice, product)
}

/** One line for people: how many classes of shapes are the kernel's. */
export function describeRule({ choice, source }: ProductRule): string {
  if (typeof choice === 'string') return `all by ${choice === 'kernel' ? 'the kernel' : 'ONNX Runtime'} (${source})`
  const share = (ratios: Readonly<Record<string, number>>) =>
    `${measuredShapes.filter(({ name }) => (ratios[name] ?? 0) > 1).length} of ${measuredShapes.length}`
  return `the kernel takes ${share(choice.f32)} classes of shapes in f32, ${share(choice.bf16)} in bf16 (${source})`
}

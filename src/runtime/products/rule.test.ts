import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { matmul, type Tensor, trace } from '../../tensor/index.ts'
import { loweringOf, useBfloat16 } from '../../tensor/passes/index.ts'
import { kernelLibrary } from '../kernels.ts'
import { targetOf } from '../program.ts'
import {
  describeRule,
  findRule,
  machineKey,
  type ProductChoice,
  type ProductRule,
  readTable,
  tableFile,
  writeTable,
} from './rule.ts'
import { classOf, isKernelFaster, measuredShapes, type ProductTable } from './table.ts'

const folder = mkdtempSync(join(tmpdir(), 'r1-products-'))
afterAll(() => rmSync(folder, { recursive: true }))

const table: ProductTable = { f32: { '129+ × small': 0.8 }, bf16: { '129+ × small': 1.6, '1 × thin': 1 } }
const product = { rows: 4096, depth: 256, columns: 256, precision: 'bf16' } as const

describe('the classes of products', () => {
  it('each stand for the shape that is measured for them', () => {
    for (const shape of measuredShapes) expect(classOf(shape)).toBe(shape.name)
    expect(new Set(measuredShapes.map(({ name }) => name)).size).toBe(measuredShapes.length)
  })

  it('count what is known only when a graph runs as large', () => {
    expect(classOf({ rows: 'batch', depth: 256, columns: 256 })).toBe('129+ × small')
    expect(classOf({ rows: 1, depth: 256, columns: 'time' })).toBe('1 × large')
  })
})

describe('a table', () => {
  it('gives the kernel what it is faster at, and ONNX Runtime everything else', () => {
    expect(isKernelFaster(table, product)).toBe(true)
    expect(isKernelFaster(table, { ...product, precision: 'f32' })).toBe(false)
    expect(isKernelFaster(table, { ...product, rows: 1, columns: 8 })).toBe(false)
    expect(isKernelFaster(table, { ...product, rows: 20 })).toBe(false)
  })

  it('is read again on the same machine only', () => {
    const key = { processor: 'one', library: 'abc', onnxruntime: '1.30.0' }
    const file = join(folder, 'deep', 'products.json')
    expect(readTable(file, key)).toBeUndefined()
    writeTable(file, key, table)
    expect(readTable(file, key)).toMatchObject(table)
    for (const name of ['processor', 'library', 'onnxruntime'] as const) {
      expect(readTable(file, { ...key, [name]: 'another' })).toBeUndefined()
    }
    writeFileSync(file, '{"f32": ')
    expect(readTable(file, key)).toBeUndefined()
    writeFileSync(file, JSON.stringify({ ...key, f32: { a: 'fast' }, bf16: {} }))
    expect(readTable(file, key)).toBeUndefined()
  })
})

describe('the rule', () => {
  const none = { path: undefined, operators: new Set<string>(), instructions: undefined, reason: '' }

  it('follows R1_PRODUCTS and refuses what it cannot be', () => {
    expect(findRule(none, { R1_PRODUCTS: 'kernel' }).choice).toBe('kernel')
    expect(findRule(none, { R1_PRODUCTS: 'onnxruntime' }).choice).toBe('onnxruntime')
    expect(() => findRule(none, { R1_PRODUCTS: 'fast' })).toThrow(/R1_PRODUCTS is 'fast'/)
    expect(findRule(none, {}).choice).toBe('onnxruntime')
  })

  it.runIf(kernelLibrary().path)('takes what was measured here before what was shipped', () => {
    const library = kernelLibrary()
    const environment = { XDG_CACHE_HOME: join(folder, 'cache') }
    expect(findRule(library, environment).source).toMatch(/^shipped|^nothing/)
    writeTable(tableFile(environment), machineKey(library.path as string), table)
    const found = findRule(library, environment)
    expect(found).toMatchObject({ choice: table, source: 'measured on this machine' })
    expect(describeRule(found)).toBe(
      `the kernel takes 0 of ${measuredShapes.length} classes of shapes in f32, 1 of ${measuredShapes.length} in bf16 ` +
        '(measured on this machine)',
    )
  })

  it.runIf(kernelLibrary().path)(
    "leaves f32 to ONNX Runtime where nothing was measured, and gives AMX's tiles to the kernel",
    () => {
      const [neon, amx] = ['neon', 'amx'].map((instructions) =>
        findRule({ ...kernelLibrary(), instructions }, { XDG_CACHE_HOME: join(folder, 'empty') }),
      ) as [ProductRule, ProductRule]
      expect(neon.source).toBe('nothing was measured for neon')
      const found = [neon, amx].map(({ choice }) => [isNative(choice, 'f32'), isNative(choice, 'bf16')])
      expect(found).toEqual([
        [false, false],
        [false, true],
      ])
    },
  )

  it.runIf(kernelLibrary().path)('decides how a product is lowered', () => {
    const forms = (products: ProductChoice) =>
      (['f32', 'bf16'] as const).map((precision) => {
        const type = { dtype: 'f32', shape: [256, 256] } as const
        const { graph } = trace(({ a, b }: { a: Tensor; b: Tensor }) => matmul(a, b), { a: type, b: type })
        const nodes = (precision === 'bf16' ? useBfloat16(graph) : graph).nodes
        const node = nodes.find(({ operator }) => operator.name === 'matmul')
        return node && loweringOf(node, targetOf({ products }))
      })
    expect(forms('kernel')).toEqual(['kernel', 'kernel'])
    expect(forms('onnxruntime')).toEqual(['stock', 'stock'])
    expect(forms(table)).toEqual(['stock', 'kernel'])
  })
})

/** Whether a large product in a precision is the kernel's. */
const isNative = (products: ProductChoice, precision: 'f32' | 'bf16') =>
  targetOf({ products }).nativeProduct?.({ ...product, precision })

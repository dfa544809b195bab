import type { Dimension, ProductShape } from '../../tensor/index.ts'

/*
 * Which products the native kernel computes and which ONNX Runtime's own operator: a table by classes of shapes, measured by
 * `r1 bench gemm`. The same table always gives the same graph.
 */

/** The classes of a product's rows, each up to a limit, with the number that stands for them where they are measured. */
const rowClasses = [
  { name: '1', limit: 1, measured: 1 },
  { name: '2-16', limit: 16, measured: 8 },
  { name: '17-128', limit: 128, measured: 64 },
  { name: '129+', limit: Number.POSITIVE_INFINITY, measured: 512 },
] as const

/** The classes of the other operand, `[depth, columns]`. */
const matrixClasses = [
  { name: 'thin', measured: [576, 8] },
  { name: 'small', measured: [256, 256] },
  { name: 'middle', measured: [576, 1536] },
  { name: 'large', measured: [576, 16384] },
] as const

/** Up to how many numbers a matrix is small, and middle; up to which extent it is thin. */
const [thin, small, middle] = [32, 1 << 17, 1 << 22]

const extentOf = (dimension: Dimension): number =>
  typeof dimension === 'number' ? dimension : Number.POSITIVE_INFINITY

/** The class of a product, such as `129+ × middle`; an extent known only when the graph runs counts as large. */
export function classOf({ rows, depth, columns }: Omit<ProductShape, 'precision'>): string {
  const [m, k, n] = [rows, depth, columns].map(extentOf) as [number, number, number]
  const { name } = rowClasses.find(({ limit }) => m <= limit) ?? rowClasses[3]
  const size = k * n
  const matrix = Math.min(k, n) <= thin ? 'thin' : size <= small ? 'small' : size <= middle ? 'middle' : 'large'
  return `${name} × ${matrix}`
}

/** A product that stands for its class when it is measured. */
export interface MeasuredShape {
  readonly name: string
  readonly rows: number
  readonly depth: number
  readonly columns: number
}

/** One product for each class. */
export const measuredShapes: readonly MeasuredShape[] = rowClasses.flatMap(({ name, measured: rows }) =>
  matrixClasses.map(({ name: matrix, measured: [depth, columns] }) => ({
    name: `${name} × ${matrix}`,
    rows,
    depth,
    columns,
  })),
)

/** Time of ONNX Runtime's product over that of the kernel, by class: above 1 the kernel is the faster one. */
export type Ratios = Readonly<Record<string, number>>

/** What was measured on one machine. */
export interface ProductTable {
  readonly f32: Ratios
  readonly bf16: Ratios
}

/** Whether the kernel is the faster one by a table; a class that was not measured is ONNX Runtime's. */
export function isKernelFaster(table: ProductTable, product: ProductShape): boolean {
  return (table[product.precision][classOf(product)] ?? 0) > 1
}

import type { Dimension } from '../dimension.ts'
import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { formatShape } from '../shape.ts'
import { matmul } from './matmul.ts'
import { sum } from './reduction.ts'
import { reshape, transpose } from './shape.ts'

/** A tensor whose axes have letters. */
interface Lettered {
  readonly tensor: Tensor
  readonly letters: string
}

const only = (letters: string, keep: (letter: string) => boolean): string => [...letters].filter(keep).join('')

/** Sums over the letters that nothing else needs. */
function summed({ tensor, letters }: Lettered, needed: string): Lettered {
  const axes = [...letters].flatMap((letter, axis) => (needed.includes(letter) ? [] : [axis]))
  return axes.length === 0
    ? { tensor, letters }
    : { tensor: sum(tensor, { axes }), letters: only(letters, (letter) => needed.includes(letter)) }
}

function ordered({ tensor, letters }: Lettered, order: string): Tensor {
  return letters === order
    ? tensor
    : transpose(
        tensor,
        [...order].map((letter) => letters.indexOf(letter)),
      )
}

/** `tensor` as matrices `[batch…, rows, columns]`, or turned where its axes stand that way already. */
function asMatrices(operand: Lettered, batch: string, rows: string, columns: string) {
  const turned = operand.letters === batch + columns + rows && rows !== '' && columns !== ''
  const order = turned ? [columns, rows] : [rows, columns]
  const tensor = ordered(operand, [batch, ...order].join(''))
  const extents = (letters: string): readonly Dimension[] =>
    [...letters].map((letter) => operand.tensor.shape[operand.letters.indexOf(letter)] as Dimension)
  const merge = (letters: string): Dimension => (letters.length === 1 ? (extents(letters)[0] as Dimension) : -1)
  const [first, second] = order as [string, string]
  // At most one extent can be left to reshape; the other is merged first.
  const half = reshape(tensor, [...extents(batch), ...extents(first), merge(second)])
  return { tensor: reshape(half, [...extents(batch), merge(first), half.shape.at(-1) as Dimension]), turned, extents }
}

/** The product of two operands over the letters that both have and no one needs afterwards. */
function contract(left: Lettered, right: Lettered, needed: string): Lettered {
  const a = summed(left, needed + right.letters)
  const b = summed(right, needed + a.letters)
  const shared = only(a.letters, (letter) => b.letters.includes(letter))
  const batch = only(shared, (letter) => needed.includes(letter))
  const inner = only(shared, (letter) => !needed.includes(letter))
  const rows = only(a.letters, (letter) => !shared.includes(letter))
  const columns = only(b.letters, (letter) => !shared.includes(letter))
  const first = asMatrices(a, batch, rows, inner)
  const second = asMatrices(b, batch, inner, columns)
  const product = matmul(first.tensor, second.tensor, { transposeA: first.turned, transposeB: second.turned })
  const shape = [...first.extents(batch), ...first.extents(rows), ...second.extents(columns)]
  return { tensor: reshape(product, shape), letters: batch + rows + columns }
}

/** The letters of each operand and of the result, checked against the tensors. */
function parse(equation: string, tensors: readonly Tensor[]): { operands: readonly Lettered[]; result: string } {
  const match = /^([a-zA-Z]*(?:,[a-zA-Z]*)*)->([a-zA-Z]*)$/.exec(equation.replaceAll(' ', ''))
  const letters = match?.[1]?.split(',') ?? []
  if (!match || letters.length !== tensors.length || tensors.length > 3) {
    throw attributeViolation(`'${equation}' is not an equation such as 'ij,jk->ik' of one to three operands`)
  }
  const result = match[2] as string
  const extents = new Map<string, Dimension>()
  const operands = letters.map((own, index): Lettered => {
    const tensor = tensors[index] as Tensor
    if (own.length !== tensor.rank || new Set(own).size !== own.length) {
      throw shapeViolation(`'${own}' does not give each axis of ${formatShape(tensor.shape)} a letter of its own`)
    }
    ;[...own].forEach((letter, axis) => {
      const extent = tensor.shape[axis] as Dimension
      const known = extents.get(letter) ?? extent
      if (known !== extent) throw shapeViolation(`'${letter}' is ${known} and ${extent}`)
      extents.set(letter, extent)
    })
    return { tensor, letters: own }
  })
  if (new Set(result).size !== result.length || [...result].some((letter) => !extents.has(letter))) {
    throw attributeViolation(`the result '${result}' of '${equation}' repeats a letter or has one that no operand has`)
  }
  return { operands, result }
}

/**
 * Sum of products in Einstein's notation, for example `einsum('bqhd,bkhd->bhqk', q, k)`; operands are contracted from left
 * to right as matrix products.
 *
 * @param equation letters for the axes of one to three operands, and of the result; no letter twice in one of them
 * @throws R1Error `bad-attribute` for an equation that cannot be read, `shape-mismatch` where a letter has two extents
 */
export function einsum(equation: string, ...tensors: readonly Tensor[]): Tensor {
  const { operands, result } = checked('einsum', tensors, () => parse(equation, tensors))
  const [first, ...rest] = operands as [Lettered, ...Lettered[]]
  const product = rest.reduce((left, right, index) => {
    const later = rest.slice(index + 1).map(({ letters }) => letters)
    return contract(left, right, [result, ...later].join(''))
  }, first)
  return ordered(summed(product, result), result)
}

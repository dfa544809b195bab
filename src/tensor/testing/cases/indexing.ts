import {
  gather,
  gatherElements,
  gatherND,
  scatterAddElements,
  scatterAddRows,
  scatterElements,
  scatterND,
  scatterRows,
  type Tensor,
} from '../../index.ts'
import { floats, indices, integers, type OperatorCase } from '../case.ts'
import { indicesOf, make, Plain } from '../plain.ts'

/** A copy of `base` with a function of the old and a new value put at given places. */
function written(
  base: Plain,
  places: readonly (readonly number[])[],
  values: readonly number[],
  combine: (old: number, value: number) => number,
): Plain {
  const data = [...base.data]
  places.forEach((index, position) => {
    const offset = index.reduce((sum, place, axis) => sum * (base.shape[axis] as number) + place, 0)
    data[offset] = combine(data[offset] as number, values[position] as number)
  })
  return new Plain(base.shape, data)
}

const sum = (old: number, value: number): number => old + value
const last = (_: number, value: number): number => value

/** Places written by `updates` along `axis`, where `index` says where along the axis. */
const elementPlaces = (index: Plain, axis: number): number[][] =>
  indicesOf(index.shape).map((place) => place.with(axis, index.at(...place)))
/** Places of `rows[…, j]` in a table, where the leading axes of `rows` are those of `index`. */
const rowPlaces = (index: Plain, rows: Plain): number[][] =>
  indicesOf(rows.shape).map((place) => [
    index.at(...place.slice(0, index.shape.length)),
    ...place.slice(index.shape.length),
  ])

export const indexingCases: readonly OperatorCase[] = [
  {
    operator: 'gather',
    name: 'rows',
    inputs: { x: floats(5, 3), i: indices(5, 'batch', 4) },
    build: ({ x, i }) => gather(x as Tensor, i as Tensor),
    reference: ({ x, i }) => make([...(i as Plain).shape, 3], (b, t, j) => (x as Plain).at((i as Plain).at(b, t), j)),
    second: true,
  },
  {
    operator: 'gather',
    name: 'inner axis, negative indices',
    inputs: { x: floats('batch', 4, 3), i: integers([-1, 0, 2, 2, -4], 5) },
    build: ({ x, i }) => gather(x as Tensor, i as Tensor, 1),
    reference: ({ x, i }) =>
      make([(x as Plain).shape[0] as number, 5, 3], (b, k, j) => (x as Plain).at(b, ((i as Plain).at(k) + 4) % 4, j)),
    gradient: 'none',
  },
  {
    operator: 'gather',
    name: 'last axis, indices of two axes',
    inputs: { x: floats('batch', 2, 4), i: indices(4, 3, 2) },
    build: ({ x, i }) => gather(x as Tensor, i as Tensor, -1),
    reference: ({ x, i }) =>
      make([(x as Plain).shape[0] as number, 2, 3, 2], (b, r, k, l) => (x as Plain).at(b, r, (i as Plain).at(k, l))),
  },
  {
    operator: 'gather',
    name: 'tuples of indices',
    inputs: { x: floats(3, 4, 2), i: indices(3, 'batch', 2) },
    build: ({ x, i }) => gatherND(x as Tensor, i as Tensor),
    reference: ({ x, i }) =>
      make([(i as Plain).shape[0] as number, 2], (b, j) =>
        (x as Plain).at((i as Plain).at(b, 0), (i as Plain).at(b, 1), j),
      ),
  },
  {
    operator: 'gatherElements',
    inputs: { x: floats('batch', 4), i: indices(4, 'batch', 6) },
    build: ({ x, i }) => gatherElements(x as Tensor, i as Tensor),
    reference: ({ x, i }) => make((i as Plain).shape, (b, j) => (x as Plain).at(b, (i as Plain).at(b, j))),
    second: true,
  },
  {
    operator: 'scatterAddRows',
    name: 'duplicates, one-hot',
    inputs: { base: floats(4, 3), i: integers([1, 3, 1, 1, 0], 'batch', 5), rows: floats('batch', 5, 3) },
    build: ({ base, i, rows }) => scatterAddRows(base as Tensor, i as Tensor, rows as Tensor),
    reference: ({ base, i, rows }) =>
      written(base as Plain, rowPlaces(i as Plain, rows as Plain), (rows as Plain).data, sum),
    second: true,
  },
  {
    operator: 'scatterAddRows',
    name: 'duplicates, many rows',
    inputs: { base: floats(1 << 20, 1), i: integers([1, 7, 1, 1, 70000], 5), rows: floats(5, 1) },
    build: ({ base, i, rows }) => scatterAddRows(base as Tensor, i as Tensor, rows as Tensor),
    reference: ({ base, i, rows }) =>
      written(base as Plain, rowPlaces(i as Plain, rows as Plain), (rows as Plain).data, sum),
    gradient: 'none',
  },
  {
    operator: 'scatterAddElements',
    inputs: { base: floats('batch', 4), i: indices(4, 'batch', 6), updates: floats('batch', 6) },
    build: ({ base, i, updates }) => scatterAddElements(base as Tensor, i as Tensor, updates as Tensor),
    reference: ({ base, i, updates }) =>
      written(base as Plain, elementPlaces(i as Plain, 1), (updates as Plain).data, sum),
    second: true,
  },
  {
    operator: 'scatterElements',
    inputs: { base: floats('batch', 5), i: integers([4, 0, 2], 'batch', 3), updates: floats('batch', 3) },
    build: ({ base, i, updates }) => scatterElements(base as Tensor, i as Tensor, updates as Tensor),
    reference: ({ base, i, updates }) =>
      written(base as Plain, elementPlaces(i as Plain, 1), (updates as Plain).data, last),
  },
  {
    operator: 'scatterRows',
    inputs: { base: floats(6, 2), i: integers([4, 0, 2, 5], 2, 2), rows: floats(2, 2, 2) },
    build: ({ base, i, rows }) => scatterRows(base as Tensor, i as Tensor, rows as Tensor),
    reference: ({ base, i, rows }) =>
      written(base as Plain, rowPlaces(i as Plain, rows as Plain), (rows as Plain).data, last),
  },
  {
    operator: 'scatterRows',
    name: 'tuples of indices',
    inputs: { base: floats(3, 2, 2), i: integers([0, 1, 2, 0, 1, 1], 3, 2), updates: floats(3, 2) },
    build: ({ base, i, updates }) => scatterND(base as Tensor, i as Tensor, updates as Tensor),
    reference: ({ base, i, updates }) =>
      written(
        base as Plain,
        indicesOf([3, 2]).map(([row, j]) => [
          (i as Plain).at(row as number, 0),
          (i as Plain).at(row as number, 1),
          j as number,
        ]),
        (updates as Plain).data,
        last,
      ),
  },
]

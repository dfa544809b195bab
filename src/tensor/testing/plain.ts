/** Arrays in plain JavaScript: the reference that operators are tested against, written to be obviously right. */
export class Plain {
  readonly shape: readonly number[]
  readonly data: readonly number[]

  constructor(shape: readonly number[], data: readonly number[]) {
    this.shape = shape
    this.data = data
  }

  /** The element at an index; indices of broadcast axes (extent 1) and of missing leading axes are ignored. */
  at(...index: readonly number[]): number {
    const own = index.slice(index.length - this.shape.length)
    const offset = own.reduce((sum, place, axis) => {
      const extent = this.shape[axis] as number
      return sum * extent + (extent === 1 ? 0 : place)
    }, 0)
    return this.data[offset] as number
  }
}

export const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** Every index of a shape in row-major order. */
export function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, extent) => all.flatMap((index) => Array.from({ length: extent }, (_, place) => [...index, place])),
    [[]],
  )
}

/** An array whose elements are a function of their index. */
export function make(shape: readonly number[], element: (...index: number[]) => number): Plain {
  return new Plain(
    shape,
    indicesOf(shape).map((index) => element(...index)),
  )
}

export const map = (x: Plain, change: (value: number) => number): Plain => new Plain(x.shape, x.data.map(change))

/** A function of two or more arrays, element by element, broadcast as NumPy does. */
export function zip(combine: (...values: number[]) => number, ...arrays: readonly Plain[]): Plain {
  const rank = Math.max(...arrays.map(({ shape }) => shape.length))
  const shape = Array.from({ length: rank }, (_, axis) =>
    Math.max(...arrays.map((array) => array.shape[axis - rank + array.shape.length] ?? 1)),
  )
  return make(shape, (...index) => combine(...arrays.map((array) => array.at(...index))))
}

/** A function of the elements along one axis, which goes away (or stays with extent 1). */
export function reduce(x: Plain, axis: number, combine: (values: number[]) => number, keep = false): Plain {
  const at = axis < 0 ? axis + x.shape.length : axis
  const extent = x.shape[at] as number
  return make(keep ? x.shape.with(at, 1) : x.shape.toSpliced(at, 1), (...index) => {
    const around = keep ? index : index.toSpliced(at, 0, 0)
    return combine(Array.from({ length: extent }, (_, place) => x.at(...around.with(at, place))))
  })
}

/** A function of the elements along one axis that gives as many elements. */
export function along(x: Plain, axis: number, change: (values: number[]) => readonly number[]): Plain {
  const at = axis < 0 ? axis + x.shape.length : axis
  const extent = x.shape[at] as number
  return make(x.shape, (...index) => {
    const values = Array.from({ length: extent }, (_, place) => x.at(...index.with(at, place)))
    return change(values)[index[at] as number] as number
  })
}

export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Error function by its series, or by its continued fraction where that converges better. */
export function errorFunction(x: number): number {
  if (x < 0) return -errorFunction(-x)
  if (x < 3) {
    let [term, sum] = [x, x]
    for (let n = 1; n < 200; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction)
  return 1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction))
}

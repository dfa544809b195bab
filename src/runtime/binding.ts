import { R1Error } from '../errors.ts'
import { formatShape, type NDArray } from './array.ts'
import type { Device } from './device.ts'
import type { Arrays, ValueDescription } from './session.ts'

/** Lengths of the named axes, as the feeds give them. */
export type NamedLengths = Map<string, number>

type Role = 'input' | 'output'

/**
 * Checks that `feeds` has one fitting array for every input, and answers the lengths of the named axes.
 *
 * @throws R1Error `unknown-input`, `missing-input`, `dtype-mismatch`, `shape-mismatch`, `device-mismatch` or `disposed`
 */
export function checkFeeds(inputs: readonly ValueDescription[], feeds: Arrays, device: Device): NamedLengths {
  const lengths: NamedLengths = new Map()
  for (const input of inputs) {
    const array = feeds[input.name]
    if (array === undefined) throw missing(inputs, feeds)
    check('input', input, array, device, lengths)
  }
  rejectUnknown('input', inputs, feeds)
  return lengths
}

/**
 * Checks that every array of `fetches` fits the output of its name.
 *
 * @throws R1Error `unknown-output`, `dtype-mismatch`, `shape-mismatch`, `device-mismatch` or `disposed`
 */
export function checkFetches(
  outputs: readonly ValueDescription[],
  fetches: Arrays,
  device: Device,
  lengths: NamedLengths,
): void {
  for (const output of outputs) {
    const array = fetches[output.name]
    if (array !== undefined) check('output', output, array, device, lengths)
  }
  rejectUnknown('output', outputs, fetches)
}

/** The shape of an output once the named axes are known; undefined when only the run can tell. */
export function knownShape(output: ValueDescription, lengths: NamedLengths): number[] | undefined {
  const shape: number[] = []
  for (const axis of output.shape) {
    const length = typeof axis === 'number' ? axis : lengths.get(axis)
    if (length === undefined) return undefined
    shape.push(length)
  }
  return shape
}

function check(role: Role, value: ValueDescription, array: NDArray, device: Device, lengths: NamedLengths): void {
  const what = `${role} '${value.name}'`
  array.assertUsable()
  if (array.dtype !== value.dtype)
    throw new R1Error('dtype-mismatch', `The ${what} is ${value.dtype}, but the array given for it is ${array.dtype}.`)
  if (array.device !== 'cpu' && array.device !== device)
    throw new R1Error(
      'device-mismatch',
      `The array given for the ${what} lies on ${array.device}, the session runs on ${device}.`,
      { remedy: `Copy it to '${device}' or 'cpu' first.` },
    )
  const fits =
    array.shape.length === value.shape.length &&
    value.shape.every((axis, index) => fitsAxis(axis, array.shape[index] as number, lengths))
  if (fits) return
  const named = value.shape.filter((axis) => typeof axis === 'string' && lengths.has(axis))
  const known = named.map((axis) => `${axis} = ${lengths.get(axis as string)}`).join(', ')
  throw new R1Error(
    'shape-mismatch',
    `The ${what} has the shape ${formatShape(value.shape)}${known && ` with ${known}`}, but the array given for it has ${formatShape(array.shape)}.`,
  )
}

function fitsAxis(axis: number | string, length: number, lengths: NamedLengths): boolean {
  if (typeof axis === 'number') return axis === length
  if (axis === '') return true
  const known = lengths.get(axis)
  if (known === undefined) lengths.set(axis, length)
  return known === undefined || known === length
}

function missing(inputs: readonly ValueDescription[], feeds: Arrays): R1Error {
  const names = inputs.filter(({ name }) => feeds[name] === undefined).map(({ name }) => `'${name}'`)
  const [noun, verb] = names.length === 1 ? ['input', 'is'] : ['inputs', 'are']
  return new R1Error('missing-input', `The ${noun} ${listed(names)} ${verb} not fed.`)
}

function rejectUnknown(role: Role, values: readonly ValueDescription[], arrays: Arrays): void {
  const names = Object.keys(arrays)
  if (names.length <= values.length && values.filter(({ name }) => arrays[name] !== undefined).length === names.length)
    return
  const known = new Set(values.map(({ name }) => name))
  const unknown = names.filter((name) => !known.has(name)).map((name) => `'${name}'`)
  if (unknown.length === 0) return
  throw new R1Error(`unknown-${role}`, `The session has no ${role} ${listed(unknown)}.`, {
    remedy: `It has ${listed([...known].map((name) => `'${name}'`)) || 'none'}.`,
  })
}

/** At most eight names, for a sentence. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ')
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown
}

import { R1Error } from '../errors.ts'
import { formatShape, type Shape, type TensorType } from './shape.ts'

/** A shape rule's complaint, before the operator's name and the caller's line are known. */
export class RuleViolation extends Error {
  readonly code: 'shape-mismatch' | 'dtype-mismatch' | 'bad-attribute'

  constructor(code: RuleViolation['code'], message: string) {
    super(message)
    this.code = code
  }
}

export function shapeViolation(message: string): RuleViolation {
  return new RuleViolation('shape-mismatch', message)
}

export function dtypeViolation(message: string): RuleViolation {
  return new RuleViolation('dtype-mismatch', message)
}

export function attributeViolation(message: string): RuleViolation {
  return new RuleViolation('bad-attribute', message)
}

/** Throws unless both shapes can be broadcast together. */
export function broadcastViolation(left: Shape, right: Shape): RuleViolation {
  return shapeViolation(`${formatShape(left)} and ${formatShape(right)} cannot be broadcast together`)
}

export function requireRank(type: TensorType, rank: number, what: string): void {
  if (type.shape.length !== rank) throw shapeViolation(`${what} must have ${rank} axes, not ${formatShape(type.shape)}`)
}

const rooms = [new URL('.', import.meta.url).href, new URL('../nn/', import.meta.url).href]

/** First stack frame outside the graph language and the layers: the line that the reader wrote. */
function callerLine(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n').slice(1) ?? []) {
    const place = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(line.trim())?.[1]
    if (!place || place.includes('node:internal')) continue
    const url = place.startsWith('file://') ? place : `file://${place.replaceAll('\\', '/')}`
    const inside = rooms.some((room) => url.startsWith(room)) && !/\.(test|spec)\.[cm]?[jt]s:/.test(url)
    if (!inside) return place.replace(/^file:\/\//, '')
  }
  return undefined
}

/** Gives a shape rule's complaint the operator's name, the inputs' types and the caller's line. */
export function traceError(error: unknown, operator: string, types: readonly string[]): unknown {
  if (!(error instanceof RuleViolation)) return error
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 50
  const line = callerLine(new Error('caller').stack)
  Error.stackTraceLimit = limit
  return new R1Error(error.code, `${operator}(${types.join(', ')}): ${error.message}${line ? `, at ${line}` : ''}.`, {
    cause: error,
  })
}

import type { MessagePort } from 'node:worker_threads'

/** What a renderer is asked: a template and the values it sees. */
export interface RenderRequest {
  id: number
  template: string
  values: Record<string, unknown>
  /** Characters that the result may have. */
  maximumLength: number
  /** Milliseconds since 1970 that `strftime_now` takes for the present. */
  now: number
}

/** What it answers: the text, or why there is none. */
export type RenderReply =
  | { id: number; kind: 'text'; text: string }
  | { id: number; kind: 'too-large' }
  | { id: number; kind: 'refused' | 'bad-template' | 'failed'; message: string }

/**
 * The body of a rendering thread. Its source text is what the thread runs, so it uses nothing but its arguments and the
 * language's own globals.
 */
export function renderWorker(port: MessagePort, jinja: typeof import('@huggingface/jinja')): void {
  const programs = new Map<string, ReturnType<typeof jinja.parse>>()
  let refusal = ''
  const stringFunction = ' string'

  // The library has the filter `string` for few types: it becomes a call of a function of ours, at any depth.
  const withString = <T>(node: T): T => {
    if (typeof node !== 'object' || node === null) return node
    for (const [key, child] of Object.entries(node)) Object.assign(node, { [key]: withString(child) })
    const { type, filter, operand } = node as { type?: string; filter?: { value?: unknown }; operand?: unknown }
    if (type !== 'FilterExpression' || filter?.value !== 'string') return node
    return { type: 'CallExpression', callee: { type: 'Identifier', value: stringFunction }, args: [operand] } as T
  }

  const parse = (template: string) => {
    const known = programs.get(template)
    if (known) return known
    // Marks for training masks, which change nothing in the text.
    const plain = template
      .replace(/\{%(-?)\s*generation\s*(-?)%\}/g, '{%$1 if true $2%}')
      .replace(/\{%(-?)\s*endgeneration\s*(-?)%\}/g, '{%$1 endif $2%}')
    // As transformers sets Jinja up.
    const program = withString(jinja.parse(jinja.tokenize(plain, { lstrip_blocks: true, trim_blocks: true })))
    if (programs.size >= 16) programs.clear()
    programs.set(template, program)
    return program
  }

  // Python's repr, which templates that print lists and truth values count on.
  const quoted = (text: string): string => {
    const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
    const escaped = text.replace(/[\\\n\r\t]/g, (character) => JSON.stringify(character).slice(1, -1))
    return quote + escaped.replaceAll(quote, `\\${quote}`) + quote
  }
  type Runtime = { type: string; value: unknown }
  const printed = (item: unknown): string => {
    if (item === null || item === undefined) return 'None'
    if (typeof item === 'boolean') return item ? 'True' : 'False'
    if (typeof item === 'string') return quoted(item)
    if (Array.isArray(item)) return `[${item.map(printed).join(', ')}]`
    if (item instanceof Map)
      return `{${[...item].map(([key, value]) => `${quoted(key)}: ${printed(value)}`).join(', ')}}`
    if (typeof item !== 'object') return String(item)
    const { type, value } = item as Runtime
    return type === 'FloatValue' && Number.isInteger(value) ? `${value}.0` : printed(value)
  }
  const asPlain = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(asPlain)
    if (item instanceof Map) return Object.fromEntries([...item].map(([key, value]) => [key, asPlain(value)]))
    return typeof item === 'object' && item !== null ? asPlain((item as Runtime).value) : item
  }
  for (const sample of [true, [], {}]) {
    const prototype: object = Object.getPrototypeOf(new jinja.Environment().set('sample', sample))
    Object.defineProperty(prototype, 'toString', {
      value(this: Runtime) {
        return printed(this)
      },
    })
  }

  const range = (start: number, stop?: number, step = 1): number[] => {
    const [from, to] = stop === undefined ? [0, start] : [start, stop]
    if (step === 0) throw new Error('range() step must not be zero')
    const length = Math.max(0, Math.ceil((to - from) / step))
    if (length > 1e6) throw new RangeError('invalid array length')
    return Array.from({ length }, (_, index) => from + index * step)
  }

  const formatTime = (now: number, format: string): string => {
    const date = new Date(now)
    const named = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-US', options).format(date)
    const two = (number: number) => String(number).padStart(2, '0')
    const parts: Record<string, () => string> = {
      Y: () => String(date.getFullYear()),
      y: () => two(date.getFullYear() % 100),
      m: () => two(date.getMonth() + 1),
      d: () => two(date.getDate()),
      b: () => named({ month: 'short' }),
      B: () => named({ month: 'long' }),
      a: () => named({ weekday: 'short' }),
      A: () => named({ weekday: 'long' }),
      H: () => two(date.getHours()),
      I: () => two(date.getHours() % 12 || 12),
      M: () => two(date.getMinutes()),
      S: () => two(date.getSeconds()),
      p: () => (date.getHours() < 12 ? 'AM' : 'PM'),
      '%': () => '%',
    }
    return format.replace(/%([YymdbBaAHIMSp%])/g, (_, code: string) => (parts[code] as () => string)())
  }

  const render = (program: ReturnType<typeof parse>, values: RenderRequest['values'], now: number): string => {
    const environment = new jinja.Environment()
    const constants = { true: true, false: false, none: null, True: true, False: false, None: null }
    const functions = {
      range,
      dict: (values: unknown) => asPlain(values ?? new Map()),
      [stringFunction]: (item: unknown) => (typeof item === 'string' ? item : printed(item)),
      strftime_now: (format: string) => formatTime(now, format),
      raise_exception: (message: unknown) => {
        refusal = `${message}`
        throw new Error(refusal)
      },
    }
    for (const [name, value] of Object.entries({ ...constants, ...functions, ...values })) environment.set(name, value)
    return String(new jinja.Interpreter(environment).run(program).value)
  }

  const answer = ({ id, template, values, maximumLength, now }: RenderRequest): RenderReply => {
    let program: ReturnType<typeof parse>
    try {
      program = parse(template)
    } catch (error) {
      return { id, kind: 'bad-template', message: String(error).slice(0, 500) }
    }
    refusal = ''
    try {
      const text = render(program, values, now)
      return text.length > maximumLength ? { id, kind: 'too-large' } : { id, kind: 'text', text }
    } catch (error) {
      if (refusal !== '') return { id, kind: 'refused', message: refusal.slice(0, 500) }
      if (error instanceof RangeError && /length/.test(error.message)) return { id, kind: 'too-large' }
      return { id, kind: 'failed', message: String(error).slice(0, 500) }
    }
  }

  port.on('message', (request: RenderRequest) => port.postMessage(answer(request)))
  port.postMessage('ready')
}

const heapMegabytes = 48

/**
 * The script of a rendering process. The rendering itself runs on a thread of it, so that the process still notices when
 * whoever started it is gone; and it is a process, because V8 ends the whole process, not the thread alone, where one
 * allocation is far too large.
 */
export function renderProcessSource(jinjaPath: string): string {
  // Some transpilers wrap functions in a call of `__name`, which the thread does not have.
  const thread = `const __name = (value) => value
    const { parentPort, workerData } = require('node:worker_threads')
    ;(${renderWorker.toString()})(parentPort, require(workerData))`
  const options = {
    eval: true,
    workerData: jinjaPath,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 },
  }
  return `const { Worker } = require('node:worker_threads')
    const thread = new Worker(${JSON.stringify(thread)}, ${JSON.stringify(options)})
    thread.on('message', (message) => process.send(message))
    thread.on('error', () => process.exit(1))
    thread.on('exit', () => process.exit(1))
    process.on('message', (message) => thread.postMessage(message))
    process.on('disconnect', () => process.exit(0))`
}

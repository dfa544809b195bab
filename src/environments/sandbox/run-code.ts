import {
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
  shouldInterruptAfterDeadline,
} from 'quickjs-emscripten-core'
import {
  type CallResult,
  type JsonValue,
  type SandboxLimits,
  type SandboxRun,
  type SandboxTask,
  timeIsUp,
} from './task.ts'
import { withoutTypes } from './types.ts'

/** Reads the code and calls the function. Without a host's functions code inside can only compute. */
export function runCode(quick: QuickJSWASMModule, task: SandboxTask): SandboxRun {
  if (task.code.length > task.limits.characters) return { failure: 'The code is too long.', results: [] }
  const run = runOnce(quick, task)
  if (!run.failure?.startsWith('SyntaxError')) return run
  const code = withoutTypes(task.code)
  return code === undefined ? run : runOnce(quick, { ...task, code })
}

function runOnce(quick: QuickJSWASMModule, task: SandboxTask): SandboxRun {
  const { limits } = task
  const runtime = quick.newRuntime()
  runtime.setMemoryLimit(limits.memory)
  runtime.setMaxStackSize(limits.stack)
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + limits.milliseconds))
  const context = runtime.newContext()
  try {
    return callAll(context, task)
  } finally {
    context.dispose()
    runtime.dispose()
  }
}

function callAll(context: QuickJSContext, { code, name, calls, limits }: SandboxTask): SandboxRun {
  // Taken before the code runs, which may put others in their place.
  using json = context.getProp(context.global, 'JSON')
  using parse = context.getProp(json, 'parse')
  using stringify = context.getProp(json, 'stringify')
  const results: CallResult[] = []
  const given = context.evalCode(`${code}\n;typeof ${name} === 'function' ? ${name} : undefined`, 'code.js')
  if (given.error) return { failure: failureOf(context, given.error), results }
  using target = given.value
  if (context.typeof(target) !== 'function') return { failure: `There is no function ${name}.`, results }
  for (const call of calls) {
    const result = callOnce(context, { target, parse, stringify }, call, limits)
    results.push(result)
    if (result.failure === timeIsUp) break
  }
  return { failure: undefined, results }
}

interface Functions {
  readonly target: QuickJSHandle
  readonly parse: QuickJSHandle
  readonly stringify: QuickJSHandle
}

function callOnce(
  context: QuickJSContext,
  { target, parse, stringify }: Functions,
  call: readonly JsonValue[],
  { characters }: SandboxLimits,
): CallResult {
  const values: QuickJSHandle[] = []
  try {
    for (const argument of call) {
      using text = context.newString(JSON.stringify(argument))
      const value = context.callFunction(parse, context.undefined, text)
      if (value.error) return { failure: failureOf(context, value.error) }
      values.push(value.value)
    }
    const returned = context.callFunction(target, context.undefined, ...values)
    if (returned.error) return { failure: failureOf(context, returned.error) }
    using result = returned.value
    const written = context.callFunction(stringify, context.undefined, result)
    if (written.error) return { failure: failureOf(context, written.error) }
    using text = written.value
    return readResult(context, text, characters)
  } finally {
    for (const value of values) value.dispose()
  }
}

function readResult(context: QuickJSContext, text: QuickJSHandle, characters: number): CallResult {
  // What JSON has no form for, such as undefined, is nothing.
  if (context.typeof(text) !== 'string') return { value: null }
  using length = context.getProp(text, 'length')
  if (context.getNumber(length) > characters) return { failure: 'The result is too long.' }
  return { value: JSON.parse(context.getString(text)) as JsonValue }
}

/** The message of an error, read without running more of the code than its own limit allows. */
function failureOf(context: QuickJSContext, error: QuickJSHandle): string {
  using handle = error
  const read = (name: string): string => {
    using value = context.getProp(handle, name)
    return context.typeof(value) === 'string' ? context.getString(value).slice(0, 200) : ''
  }
  try {
    const [name, message] = [read('name'), read('message')]
    if (name === 'InternalError' && message === 'interrupted') return timeIsUp
    return `${name || 'Error'}: ${message}`
  } catch {
    return 'Error: an error that cannot be read.'
  }
}

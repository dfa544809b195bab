import { parentPort } from 'node:worker_threads'
import variant from '@jitl/quickjs-wasmfile-release-sync'
import { newQuickJSWASMModuleFromVariant } from 'quickjs-emscripten-core'
import { runCode } from './run-code.ts'
import type { SandboxTask } from './task.ts'

// A thread of its own: what the interpreter does not interrupt in time is ended from outside, with the thread.
const quick = await newQuickJSWASMModuleFromVariant(variant)
parentPort?.on('message', (task: SandboxTask) => parentPort?.postMessage(runCode(quick, task)))
parentPort?.postMessage('ready')

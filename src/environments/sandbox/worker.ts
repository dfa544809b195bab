import { parentPort } from 'node:worker_threads'
import variant from '@jitl/quickjs-wasmfile-release-sync'
import { newQuickJSWASMModuleFromVariant, type QuickJSSyncVariant } from 'quickjs-emscripten-core'
import { runCode } from './run-code.ts'
import type { SandboxTask } from './task.ts'

// A thread of its own: what the interpreter does not interrupt in time is ended from outside, with the thread.
// (The package is typed as CommonJS; imported, it is the variant itself.)
const quick = await newQuickJSWASMModuleFromVariant(variant as unknown as QuickJSSyncVariant)
parentPort?.on('message', (task: SandboxTask) => parentPort?.postMessage(runCode(quick, task)))
parentPort?.postMessage('ready')

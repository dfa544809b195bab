import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspectKernels, type KernelDescription } from './ort/kernel-library.ts'

/** What the native library offers here, or why there is none. */
export interface KernelLibrary {
  /** Path of the library, where one is used. */
  readonly path: string | undefined
  /** Names of its operators in the domain `r1`; empty where there is no library. */
  readonly operators: ReadonlySet<string>
  /** The instruction set its kernels use, such as `avx512bf16`. */
  readonly instructions: string | undefined
  /** One line: why this instruction set, or why there is no library. */
  readonly reason: string
}

/** What each platform calls a shared library. */
const extensions: Readonly<Record<string, string>> = { linux: 'so', darwin: 'dylib', win32: 'dll' }

const prebuilds = fileURLToPath(new URL('../../prebuilds/', import.meta.url))

let known: KernelLibrary | undefined

/**
 * The native kernels of this process, looked for once: `R1_KERNELS=off` leaves them out, `R1_KERNELS=<path>` takes another
 * library, otherwise the one built for this platform is taken. Without one, every operator runs in its composite form.
 */
export function kernelLibrary(): KernelLibrary {
  known ??= findKernels(process.env.R1_KERNELS)
  return known
}

/** As `kernelLibrary`, with the value of `R1_KERNELS` given and nothing remembered. */
export function findKernels(choice: string | undefined): KernelLibrary {
  if (choice === 'off') return without('switched off by R1_KERNELS')
  const path = choice ? resolve(choice) : prebuilt()
  if (!existsSync(path)) return without(choice ? `R1_KERNELS names ${path}, which does not exist` : missing())
  const description = inspectKernels(path)
  return typeof description === 'string' ? without(`${path} ${description}`) : withKernels(path, description)
}

function withKernels(path: string, { operators, path: instructions, reason }: KernelDescription): KernelLibrary {
  return { path, operators: new Set(operators), instructions, reason }
}

function without(reason: string): KernelLibrary {
  return { path: undefined, operators: new Set(), instructions: undefined, reason }
}

function missing(): string {
  return `no library was built for ${platform()}`
}

function prebuilt(): string {
  return resolve(prebuilds, platform(), `r1_kernels.${extensions[process.platform] ?? 'so'}`)
}

function platform(): string {
  return `${process.platform}-${process.arch}${process.platform === 'linux' && usesMusl() ? '-musl' : ''}`
}

/** Node built on glibc says which glibc it runs on. */
function usesMusl(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}

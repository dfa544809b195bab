/** What the native library offers. */
export interface KernelLibrary {
  readonly path: string | undefined
  readonly operators: ReadonlySet<string>
}

export function kernelLibrary(): KernelLibrary {
  return { path: undefined, operators: new Set() }
}

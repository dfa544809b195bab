/** A reader that is fed damaged files. */
export interface FuzzTarget {
  readonly name: string
  /** Sound files that are damaged. */
  readonly seeds: readonly Uint8Array[]
  /** Reads one file as far as the program would. Only errors of this package may come out. */
  readonly run: (bytes: Uint8Array) => Promise<void> | void
  /** Puts right what would otherwise keep nearly every damaged file from being read beyond its first bytes. */
  readonly repair?: (bytes: Buffer) => Buffer
  /** True for JSON: half of the cases then change its values, not its characters. */
  readonly json?: boolean
  /** Share of the cases, relative to the other targets'; 1 without. */
  readonly weight?: number
}

import { R1Error } from '../errors.ts'

const known: Record<string, { code: string; found: string; remedy: string }> = {
  ENOENT: { code: 'file-not-found', found: 'there is no such file', remedy: 'Check the path.' },
  EACCES: { code: 'file-failure', found: 'it may not be read', remedy: 'Check the permissions.' },
  EISDIR: { code: 'file-failure', found: 'it is a folder', remedy: 'Give the path of a file.' },
  ENOSPC: { code: 'disk-full', found: 'the disk is full', remedy: 'Free some space on the disk and try again.' },
}

/** Turns an error of the file system or of decompression into one of this package; others pass unchanged. */
export function dataFailure(path: string, error: unknown): unknown {
  if (R1Error.isInstance(error) || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  if (code.startsWith('Z_')) {
    return new R1Error('bad-data', `${path}: the compressed data is damaged or cut short (${error.message}).`, {
      remedy: 'Fetch or compress the file again.',
      cause: error,
    })
  }
  const {
    code: stable,
    found,
    remedy,
  } = known[code] ?? {
    code: 'file-failure',
    found: error.message,
    remedy: 'Check the disk and try again.',
  }
  return new R1Error(stable, `${path}: ${found}.`, { remedy, cause: error })
}

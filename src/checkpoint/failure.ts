import { R1Error } from '../errors.ts'

/** A malformed checkpoint file: what was found wrong, and where. */
export function badCheckpoint(file: string, found: string, cause?: unknown): R1Error {
  return new R1Error('bad-checkpoint', `${file}: ${found}.`, {
    remedy: 'The file is damaged or was not written by a trustworthy tool: fetch it again from its source.',
    cause,
  })
}

/** A well-formed file that uses something this package does not read. */
export function unsupportedCheckpoint(file: string, found: string, remedy: string): R1Error {
  return new R1Error('unsupported-checkpoint', `${file}: ${found}.`, { remedy })
}

/** A file name in a checkpoint that would lead outside its folder. */
export function unsafePath(name: string, found: string): R1Error {
  return new R1Error('unsafe-path', `The file name ${JSON.stringify(name)} ${found}.`, {
    remedy: 'Files of a checkpoint must lie in its own folder: copy the file there, or fetch the checkpoint again.',
  })
}

const remedies: Record<string, string> = {
  ENOENT: 'Check the path.',
  EACCES: 'Check the permissions.',
  EPERM: 'Check the permissions.',
  EISDIR: 'Give the path of a file.',
  ENOTDIR: 'Give the path of a folder.',
  EMFILE: 'Raise the limit of open files.',
  ENOSPC: 'Free some space on the disk and try again.',
  EDQUOT: 'Free some of your disk quota and try again.',
  EROFS: 'Choose a folder that can be written.',
}

const codes: Record<string, string> = {
  ENOENT: 'file-not-found',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
}

/** Turns an error of the file system into one of this package; others pass unchanged. */
export function fileFailure(path: string, error: unknown): unknown {
  if (R1Error.isInstance(error) || !(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  const what = code === 'ENOENT' ? 'there is no such file' : code === 'ENOSPC' ? 'the disk is full' : error.message
  return new R1Error(codes[code] ?? 'file-failure', `${path}: ${what}.`, {
    remedy: remedies[code] ?? 'Check the disk and try again.',
    cause: error,
  })
}

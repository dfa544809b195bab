import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import { type Room, rooms } from './rooms.ts'
import { type Specifier, specifiersOf } from './specifiers.ts'

/** A source file: its path from the repository's root with forward slashes, and its text. */
export interface SourceFile {
  path: string
  text: string
}

/** Reads every TypeScript file under a folder of the repository. */
export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.split(sep).join('/')))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/**
 * Finds the imports that break the law of floors.
 *
 * @param files - Files of `src/`.
 * @returns One sentence a violation, with the file and line; empty when all is well.
 */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    specifiersOf(file.path, file.text).flatMap((specifier) => {
      const reason = objection(file.path, specifier)
      return reason === undefined ? [] : [`${file.path}:${specifier.line} imports '${specifier.text}': ${reason}`]
    }),
  )
}

/** Tests and their helpers are not shipped: they stand beside the code they prove but may use any room to prove it. */
function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/')
}

function roomOf(path: string): string | undefined {
  return /^src\/(?:([^/]+)\/|([^/]+)\.ts$)/.exec(path)?.slice(1).find(Boolean)
}

function objection(path: string, { text }: Specifier): string | undefined {
  const from = roomOf(path)
  const room = from === undefined ? undefined : rooms[from]
  if (from === undefined || room === undefined)
    return `'${from ?? path}' is no room of the house (tools/imports/rooms.ts)`

  if (isTest(path)) return undefined
  if (text === 'deepseek-r1') return 'the package does not import itself by name'
  if (!text.startsWith('.')) return room.pure ? `'${from}' has no I/O and depends on no package` : undefined

  const target = posix.join(posix.dirname(path), text)
  if (isTest(target)) return 'only tests may import tests and their helpers'
  if (!target.startsWith('src/')) return 'src is built alone and imports nothing outside it'
  const to = roomOf(target)
  if (to === undefined || rooms[to] === undefined)
    return `'${to ?? target}' is no room of the house (tools/imports/rooms.ts)`
  return crossing(from, room, to, rooms[to])
}

function crossing(from: string, room: Room, to: string, target: Room): string | undefined {
  if (from === to || to === 'errors') return undefined
  if (target.floor >= room.floor) {
    return `'${to}' stands on floor ${target.floor}, not below '${from}' on floor ${room.floor}`
  }
  if (room.knows !== undefined && !room.knows.includes(to)) {
    return `'${from}' knows only ${[...room.knows, 'errors'].map((name) => `'${name}'`).join(' and ')}`
  }
  return undefined
}

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { R1Error } from '../../errors.ts'

const schema = z.object({
  system: z.string().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })),
})

/** A conversation as it is saved. */
export type SavedConversation = z.infer<typeof schema>

/** Where the last conversation is kept: a file of the user's own. */
export function historyPath(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  return join(state, 'deepseek-r1', 'chat.json')
}

/** Writes a conversation whole or not at all; only its owner may read it. */
export async function saveConversation(path: string, conversation: SavedConversation): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const part = `${path}.${process.pid}.part`
    await writeFile(part, `${JSON.stringify(conversation, undefined, 2)}\n`, { mode: 0o600 })
    await rename(part, path)
  } catch (cause) {
    throw new R1Error('write-failed', `The conversation could not be written to ${path}.`, {
      remedy: 'Check that the folder can be written.',
      cause,
    })
  }
}

/** @throws R1Error `file-not-found`, `bad-conversation` */
export async function loadConversation(path: string): Promise<SavedConversation> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `${path} cannot be read.`, { remedy: 'Check the path.', cause })
  })
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new R1Error('bad-conversation', `${path} is no saved conversation.`, {
      remedy: 'Give a file that /save wrote.',
      cause,
    })
  }
}

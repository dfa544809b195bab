/**
 * A process that opens the store of a folder and does what it is asked, for tests of crashes: `worker.ts <folder> <work>`.
 * Each line it prints is JSON.
 */
import { randomUUID } from 'node:crypto'
import { R1Error } from '../../errors.ts'
import { type NewMessage, openStore } from '../index.ts'

const [folder = '', work = 'hold'] = process.argv.slice(2)
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
const user = 'local'

try {
  const start = performance.now()
  const store = await openStore({ data: folder, url: process.env.DATABASE_URL || null })
  say({ open: true, milliseconds: performance.now() - start })
  if (work === 'serve') await store.announce(`http://127.0.0.1:1234`)
  if (work === 'serve') say({ served: true })
  if (work === 'write') {
    const { id } = await store.conversations.create(user, {})
    // Several clients; each sends every other message twice, as one does that saw no answer.
    const client = async () => {
      for (let parent: string | null = null; ; ) {
        const message: NewMessage = { id: randomUUID(), parent, role: 'user', content: `text ${'x'.repeat(200)}` }
        say({ sent: message.id, conversation: id })
        const copies = Math.random() < 0.5 ? [1] : [1, 2]
        await Promise.all(copies.map(() => store.messages.add(user, id, message)))
        say({ acknowledged: message.id })
        parent = message.id
      }
    }
    await Promise.all([client(), client(), client(), client()])
  }
  process.stdin.once('data', async () => {
    await store.close()
    say({ closed: true })
    process.exit(0)
  })
} catch (error) {
  say({ failed: R1Error.isInstance(error) ? error.code : 'unknown', message: String(error) })
  process.exit(1)
}

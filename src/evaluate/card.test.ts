import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { shippedModel } from '../checkpoint/shipped.ts'
import { DeepSeekR1 } from '../generate/index.ts'
import { cardPage, openTask, readCard, runTask, type TaskResult } from './index.ts'

it('the shipped model does what its card says, as far as a few problems of each kind tell', async () => {
  const folder = shippedModel('r1-nano') as string
  const card = await readCard(folder)
  await using model = await DeepSeekR1.fromPretrained('r1-nano', { slots: 16 })
  const results: TaskResult[] = []
  for (const { task } of card.tasks) {
    results.push(await runTask(model, await openTask(task, { chats: true }), { limit: 32, concurrency: 32, seed: 1 }))
  }
  for (const { task, accuracy } of results) expect(accuracy.value, task).toBeGreaterThan(0.6)
  const page = cardPage(card, results)
  for (const { title, example } of card.tasks) expect(page).toContain(`| ${title} | ${example} | 32 |`)
  // The page beside the weights was made from the same card.
  const published = await readFile(join(folder, 'README.md'), 'utf8')
  for (const { title } of card.tasks) expect(published).toContain(`| ${title} |`)
})

it('a model without a card is told apart', async () => {
  await expect(readCard('/nowhere')).rejects.toMatchObject({ code: 'no-card' })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath } from '../testing/browser.ts'
import { type RealServer, startRealServer } from '../testing/real-server.ts'
import { answered, say, Visits } from '../testing/visit.ts'

describe.skipIf(!chromiumPath)('the console before the real server', () => {
  let visits: Visits
  let server: RealServer
  beforeAll(async () => {
    visits = await Visits.begin()
    server = await startRealServer()
  })
  afterAll(async () => {
    await visits?.end()
    await server?.end()
  })

  it('shows a thought as it was written, also where its tokens are coloured', async () => {
    const { page, problems, end } = await visits.visitServer(server.address)
    try {
      await page.getByText('runs on the server of this page').waitFor()
      await page.getByRole('button', { name: 'Model and sampling' }).click()
      await page.getByLabel('Record probabilities').check()
      await page.getByLabel('Temperature').fill('0')
      await say(page, 'Using the numbers 3, 5, 7 and 11, each once, make 24.')
      await answered(page)
      const id = new URL(page.url()).hash.split('/').at(-1)
      const stored = await (await fetch(`${server.address}/api/conversations/${id}`)).json()
      const { reasoning } = (stored as { messages: { reasoning: string }[] }).messages[1] ?? { reasoning: '' }
      // What this is about: products, which are no emphasis, and steps on lines of their own.
      expect(reasoning).toMatch(/\*.*\n/s)
      await page.locator('.thinking > button').click()
      const thought = page.locator('.thinking-text')
      expect(await thought.locator('.tokens').evaluate((shown) => shown.textContent)).toContain(
        reasoning.trim().replaceAll('\n', '↵\n'),
      )
      expect(await page.locator('.answer .tokens', { hasText: 'think>' }).count()).toBe(0)
      await page.getByRole('button', { name: 'Colour by probability' }).click()
      await thought.locator('.plain').waitFor()
      expect(await thought.evaluate((shown: HTMLElement) => shown.innerText)).toBe(reasoning.trim())
      expect(await thought.locator('em, strong, code, li').count()).toBe(0)
      expect(problems).toEqual([])
    } finally {
      await end()
    }
  })

  it('converses, branches, shows probabilities, keeps the history, and watches the system', async () => {
    const { page, problems, end } = await visits.visitServer(server.address)
    try {
      await page.getByText('runs on the server of this page').waitFor()
      await say(page, 'Hello')
      await answered(page)
      expect(await page.getByRole('alert').count()).toBe(0)
      await page.getByRole('button', { name: 'Model and sampling' }).click()
      await page.getByLabel('Record probabilities').check()
      await page.getByLabel('Temperature').fill('0.1')
      await page.getByLabel('System prompt').fill('Be brief.')
      await page.getByRole('button', { name: 'Answer again' }).click()
      await page.getByText('2/2').waitFor()
      await answered(page)
      const thought = page.locator('.thinking > button')
      if (await thought.count()) await thought.click()
      await page.locator('.token').nth(1).hover()
      await page.getByRole('status', { name: 'Alternatives' }).waitFor()
      await page.reload()
      await page.getByText('2/2').waitFor()
      expect(await page.getByLabel('System prompt').inputValue()).toBe('Be brief.')
      await page.getByLabel('Search conversations').fill('hel')
      await page.getByRole('link', { name: 'Hello' }).waitFor()
      await page.keyboard.press('Escape')
      await page.keyboard.press('3')
      await page.getByRole('cell', { name: 'loaded', exact: true }).waitFor()
      await page.locator('.plot canvas').first().waitFor()
      expect(problems).toEqual([])
    } finally {
      await end()
    }
  })
})

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

  it('converses, branches, shows probabilities, keeps the history, and watches the system', async () => {
    const { page, problems, end } = await visits.visitServer(server.address)
    try {
      await page.getByText('runs on this machine').waitFor()
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

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seriousFaults } from '../testing/axe.ts'
import { chromiumPath } from '../testing/browser.ts'
import { StandIn } from '../testing/stand-in.ts'
import { answered, phone, type StandInVisit, say, type VisitOptions, Visits } from '../testing/visit.ts'

describe.skipIf(!chromiumPath)('the console, in Chromium: pages', () => {
  let visits: Visits
  beforeAll(async () => {
    visits = await Visits.begin()
  })
  afterAll(() => visits?.end())

  async function during(options: VisitOptions, test: (visit: StandInVisit) => Promise<void>): Promise<void> {
    const visit = await visits.visit(options)
    try {
      await test(visit)
      expect(visit.problems).toEqual([])
    } finally {
      await visit.end()
    }
  }

  it('watches a run: stages, curves that grow, samples by step', () =>
    during({ path: '#/runs' }, async ({ page }) => {
      await page.getByRole('link', { name: 'countdown', exact: true }).click()
      await page.getByRole('cell', { name: /^121 \/ 400/ }).waitFor()
      await page.locator('.plot', { hasText: 'Reward' }).locator('canvas').waitFor()
      await page.getByText('step 100').waitFor()
      await page.getByRole('button', { name: 'Earlier steps' }).click()
      await page.getByText('step 60').waitFor()
      // The run goes on while it is watched.
      await page.getByRole('cell', { name: /^12[2-9] \/ 400/ }).waitFor()
      await page.getByRole('button', { name: '01-sft' }).click()
      await page.locator('.plot', { hasText: 'Held-out loss' }).locator('canvas').waitFor()
    }))

  it('lays the curves of runs over one another', () =>
    during({ path: '#/runs' }, async ({ page }) => {
      await page.getByLabel('Compare: countdown-low-rate').check()
      await page.getByLabel('Compare: countdown', { exact: true }).check()
      await page.getByRole('button', { name: 'Compare (2)' }).click()
      const loss = page.locator('.plot').first()
      await loss.getByText('countdown-low-rate').waitFor()
      await loss.locator('canvas').waitFor()
    }))

  it('shows the server as it is, second by second', () =>
    during({ path: '#/system' }, async ({ page }) => {
      await page.getByRole('cell', { name: '4.8M' }).waitFor()
      const throughput = page.locator('.plot', { hasText: 'Throughput' })
      await throughput.locator('canvas').waitFor()
      await expect.poll(() => throughput.locator('strong').first().textContent()).toMatch(/^\d+$/)
      await page.getByText('avx512bf16').waitFor()
    }))

  it('makes a key, shows it once, and revokes it', () =>
    during({ path: '#/keys' }, async ({ page }) => {
      await page.getByLabel('New key').fill('<b>notebook</b>')
      await page.keyboard.press('Enter')
      await page.getByText('r1-ab12-secret').waitFor()
      await page.getByRole('button', { name: 'Revoke' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
      await page.getByText('There are no keys').waitFor()
    }))

  it('asks for the key of a server that wants one, and keeps it', () =>
    during({ key: 'r1-right' }, async ({ page }) => {
      await page.getByLabel('Key', { exact: true }).fill('r1-wrong')
      await page.keyboard.press('Enter')
      await page.getByText('The server does not know this key.').waitFor()
      await page.getByLabel('Key', { exact: true }).fill('r1-right')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.reload()
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      expect(await page.getByRole('dialog').count()).toBe(0)
    }))

  it('says that the server is gone, and when it is back', () =>
    during({}, async ({ page, standIn }) => {
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      const port = Number(new URL(standIn.address).port)
      await standIn.close()
      await say(page, 'Hello?')
      await page.getByText('The server does not answer. Trying again…').waitFor()
      const next = await StandIn.start({ folder: '', port, pace: 1 })
      try {
        await page.getByText('The server does not answer. Trying again…').waitFor({ state: 'detached' })
        await page.getByRole('button', { name: 'Try again' }).click()
        await answered(page)
      } finally {
        await next.close()
      }
    }))

  it('paints its frame before its scripts, in the chosen appearance, and its page before the server answers', () =>
    during({}, async ({ page }) => {
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      await page.evaluate(() => localStorage.setItem('r1-theme', '"dark"'))
      await page.route('**/assets/*.js', (route) => route.abort())
      await page.reload()
      await page.locator('.list').getByText('deepseek-r1').waitFor()
      expect(await page.evaluate(() => getComputedStyle(document.body).colorScheme)).toBe('dark')
      await page.unroute('**/assets/*.js')
      // A server that takes requests and never answers.
      await page.route('**/api/**', () => undefined)
      await page.reload()
      await page.getByRole('heading', { name: 'What shall we think about?' }).waitFor()
      expect(await page.getByText('deepseek-r1').count()).toBe(1)
    }))

  it('speaks the language of the browser, and the one that is chosen', () =>
    during({ pace: 1, context: { locale: 'zh-CN' } }, async ({ page }) => {
      await page.getByRole('heading', { name: '今天想一起思考什么？' }).waitFor()
      expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-Hans')
      await say(page, '为什么两个奇数之和是偶数?')
      await answered(page)
      await page.getByRole('button', { name: /^思考了/ }).waitFor()
      await page.getByRole('button', { name: '设置' }).click()
      await page.getByText('English').click()
      await page.getByRole('heading', { name: 'Settings' }).waitFor()
      await page.getByText('Dark', { exact: true }).click()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: /^Thought for/ }).waitFor()
      await page.reload()
      await page.getByRole('button', { name: /^Thought for/ }).waitFor()
      expect(await page.evaluate(() => getComputedStyle(document.body).colorScheme)).toBe('dark')
    }))

  it('fits a phone', () =>
    during({ pace: 1, context: phone }, async ({ page, standIn }) => {
      // The window itself grows with what is too wide for it, so the phone's own width is what counts.
      const overflow = () => page.evaluate((width) => document.documentElement.scrollWidth - width, 390)
      await say(page, 'Show me markdown in an answer to a question whose title is too long for a telephone')
      await answered(page)
      expect(await overflow()).toBe(0)
      await page.getByRole('button', { name: 'Show conversations' }).click()
      await page.getByRole('link', { name: /^Show me markdown/ }).click()
      await page.getByRole('button', { name: 'Model and sampling' }).click()
      await page.getByLabel('System prompt').waitFor()
      expect(await overflow()).toBe(0)
      await page.getByRole('button', { name: 'Close' }).click()
      for (const path of ['#/runs', '#/runs/countdown', '#/system', '#/keys']) {
        await page.goto(standIn.address + path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForTimeout(300)
        expect(await overflow(), path).toBe(0)
      }
    }))

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has no serious fault of access: ${colorScheme}`, () =>
      during({ pace: 1, context: { colorScheme } }, async ({ page, standIn }) => {
        await page.getByText('r1-nano runs on the server of this page').waitFor()
        expect(await seriousFaults(page)).toEqual([])
        await page.getByRole('button', { name: 'Model and sampling' }).click()
        await page.getByLabel('Record probabilities').check()
        await say(page, 'Show me markdown')
        await answered(page)
        expect(await seriousFaults(page)).toEqual([])
        await page.getByRole('button', { name: 'Colour by probability' }).click()
        await page.getByRole('button', { name: 'Answer again' }).click()
        await answered(page)
        expect(await seriousFaults(page)).toEqual([])
        await page.getByRole('button', { name: 'Settings' }).click()
        expect(await seriousFaults(page)).toEqual([])
        await page.keyboard.press('Escape')
        for (const path of ['#/runs', '#/runs/countdown', '#/system', '#/keys']) {
          await page.goto(standIn.address + path)
          await page.getByRole('heading', { level: 1 }).waitFor()
          await page.locator('canvas, table, form').first().waitFor()
          expect(await seriousFaults(page), path).toEqual([])
        }
      }))
  }
})

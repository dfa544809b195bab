import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath } from '../testing/browser.ts'
import { StandIn } from '../testing/stand-in.ts'
import { answered, type StandInVisit, say, type VisitOptions, Visits } from '../testing/visit.ts'

describe.skipIf(!chromiumPath)('the console, in Chromium: when something fails', () => {
  let visits: Visits
  beforeAll(async () => {
    visits = await Visits.begin()
  })
  afterAll(() => visits?.end())

  async function during(options: VisitOptions, test: (visit: StandInVisit) => Promise<void>): Promise<void> {
    const visit = await visits.visit({ pace: 1, ...options })
    try {
      await test(visit)
      expect(visit.problems).toEqual([])
    } finally {
      await visit.end()
    }
  }

  const contents = ({ conversations }: StandIn) =>
    [...conversations.values()].flatMap(({ messages }) => messages.map(({ content }) => content))

  it('keeps the question of an answer that is stopped before its first token, and goes on from it', () =>
    during({}, async ({ page, standIn }) => {
      await say(page, 'Say nothing')
      await page.getByText('Waiting for the model').waitFor()
      await page.keyboard.press('Escape')
      await page.getByText('Stopped').waitFor()
      await expect.poll(() => standIn.stopped).toBe(1)
      await page.locator('.question', { hasText: 'Say nothing' }).waitFor()
      await say(page, 'Make 24')
      await answered(page)
      const [conversation] = standIn.conversations.values()
      const [first, second] = conversation?.messages ?? []
      expect(second).toMatchObject({ content: 'Make 24', parent: first?.id })
      expect(await page.getByRole('alert').count()).toBe(0)
    }))

  it('shows what came of an answer whose server died, that it is not kept, and asks again', () =>
    during({ pace: 15 }, async ({ page, standIn }) => {
      await say(page, 'Think slowly')
      await page.getByText('Step by step.').waitFor()
      const port = Number(new URL(standIn.address).port)
      const conversations = [...standIn.conversations.values()].map((one) => ({ ...one, messages: [...one.messages] }))
      await standIn.close()
      await page.getByText('The server does not answer. Trying again…').waitFor()
      await page.getByText('The connection to the server was lost.').waitFor()
      const next = await StandIn.start({ folder: '', port, pace: 1, conversations })
      try {
        await page.getByText('The server does not answer. Trying again…').waitFor({ state: 'detached' })
        await page.getByText('The server did not keep this answer').waitFor()
        await page.getByRole('button', { name: /^Thought/ }).click()
        await page.getByText('Step by step.').first().waitFor()
        await page.getByRole('button', { name: 'Try again' }).click()
        await page.getByText('Done at last.').waitFor()
        await answered(page)
        // The broken one is nowhere but here: it is no branch.
        expect(await page.locator('.branches').count()).toBe(0)
        expect(await page.getByText('The server did not keep this answer').count()).toBe(0)
      } finally {
        await next.close()
      }
    }))

  it('says that the device is offline, and goes on when it is not', () =>
    during({}, async ({ page }) => {
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      await page.context().setOffline(true)
      await say(page, 'Make 24')
      await page.getByText('This device is offline. Waiting for the network…').waitFor()
      await page.locator('.question').getByText('This device is offline.').waitFor()
      await page.context().setOffline(false)
      await page.getByText('Waiting for the network…').waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Try again' }).click()
      await answered(page)
    }))

  it('keeps a question that a full disk refuses, also over a reload', () =>
    during({}, async ({ page, standIn }) => {
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      standIn.failing = { status: 507, code: 'disk_full', on: /conversations$/ }
      await say(page, 'Make 24')
      await page.locator('.question').getByText('The server’s disk is full').waitFor()
      await page.reload()
      await page.locator('.question', { hasText: 'Make 24' }).getByText('Not sent.').waitFor()
      standIn.failing = undefined
      await page.getByRole('button', { name: 'Try again' }).click()
      await answered(page)
      expect(contents(standIn).filter((content) => content === 'Make 24')).toHaveLength(1)
      await page.reload()
      await page.locator('.answer').waitFor()
      expect(await page.getByText('Not sent.').count()).toBe(0)
    }))

  it('keeps what is written and not sent over a reload', () =>
    during({}, async ({ page }) => {
      await page.getByLabel('Message').fill('Half a thou')
      await page.reload()
      await expect.poll(() => page.getByLabel('Message').inputValue()).toBe('Half a thou')
    }))

  it('waits as long as the rate limit says', () =>
    during({}, async ({ page, standIn }) => {
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      standIn.failing = { status: 429, code: 'rate_limit_exceeded', retryAfter: 5, on: /replies$/ }
      await say(page, 'Make 24')
      await page.getByText('This key has used what it may in a minute.').waitFor()
      expect(await page.getByRole('button', { name: /^Try again in [1-5] s$/ }).isDisabled()).toBe(true)
      standIn.failing = undefined
      await page.getByRole('button', { name: 'Try again', exact: true }).click()
      await answered(page)
      expect(contents(standIn)).toHaveLength(2)
    }))

  it('asks for another key when the one of this browser is removed, and loses nothing', () =>
    during({ key: 'r1-first' }, async ({ page, standIn }) => {
      const key = page.getByLabel('Key', { exact: true })
      await key.fill('r1-first')
      await page.keyboard.press('Enter')
      await page.getByText('r1-nano runs on the server of this page').waitFor()
      standIn.key = 'r1-second'
      await say(page, 'Make 24')
      await page.getByText('The server does not know the key of this browser any more.').waitFor()
      await key.fill('r1-second')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.locator('.question', { hasText: 'Make 24' }).getByRole('button', { name: 'Try again' }).click()
      await answered(page)
    }))

  it('says what failed behind the page', () =>
    during({}, async ({ page, standIn }) => {
      await say(page, 'Make 24')
      await answered(page)
      standIn.failing = { status: 507, code: 'disk_full' }
      await page.getByRole('link', { name: 'Make 24' }).hover()
      await page.getByRole('button', { name: 'Rename' }).click()
      await page.getByLabel('Title').fill('Games')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').getByText('Not renamed.').waitFor()
      standIn.failing = undefined
      await page.getByRole('alert').getByRole('button', { name: 'Close' }).click()
      await page.getByRole('alert').waitFor({ state: 'detached' })
    }))

  it('leads on from a conversation that is not there', () =>
    during({ path: '#/chat/6ba7b810-9dad-41d1-80b4-00c04fd430c8' }, async ({ page }) => {
      await page.getByRole('alert').getByRole('button', { name: 'New chat' }).click()
      await page.getByRole('heading', { name: 'What shall we think about?' }).waitFor()
    }))
})

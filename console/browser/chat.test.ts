import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chromiumPath } from '../testing/browser.ts'
import { answered, type StandInVisit, say, type VisitOptions, Visits } from '../testing/visit.ts'

describe.skipIf(!chromiumPath)('the console, in Chromium: chat', () => {
  let visits: Visits
  beforeAll(async () => {
    visits = await Visits.begin()
  })
  afterAll(() => visits?.end())

  /** A visit whose page must have had no problem at the end. */
  async function during(options: VisitOptions, test: (visit: StandInVisit) => Promise<void>): Promise<void> {
    const visit = await visits.visit(options)
    try {
      await test(visit)
      expect(visit.problems).toEqual([])
    } finally {
      await visit.end()
    }
  }

  it('greets a first visit, ready to be written to', () =>
    during({}, async ({ page }) => {
      await page.getByRole('heading', { name: 'What shall we think about?' }).waitFor()
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA')
      await page.getByText('Conversations will be listed here.').waitFor()
      await page.getByRole('button', { name: 'Solve 3x + 5 = 26.' }).click()
      expect(await page.getByLabel('Message').inputValue()).toBe('Solve 3x + 5 = 26.')
    }))

  it('shows thinking while it goes on, folds it with its duration, and draws the answer', () =>
    during({ pace: 25 }, async ({ page, standIn }) => {
      await say(page, 'Make 24 of 3, 5, 7 and 11.')
      const thinking = page.getByRole('button', { name: /^Thinking/ })
      await thinking.waitFor()
      expect(await thinking.getAttribute('aria-expanded')).toBe('true')
      await page.getByText('I need to use').waitFor()
      await answered(page)
      const thought = page.getByRole('button', { name: /^Thought for [\d.]+ (ms|s)$/ })
      expect(await thought.getAttribute('aria-expanded')).toBe('false')
      expect(await page.getByText('I need to use').count()).toBe(0)
      await page.locator('.answer math').first().waitFor()
      await thought.click()
      await page.getByText('I need to use').waitFor()
      const [made, message, reply] = standIn.asked.filter(({ request }) => request.startsWith('POST'))
      expect(made?.body).toMatchObject({ title: 'Make 24 of 3, 5, 7 and 11.' })
      expect(message?.body).toMatchObject({ parent: null, content: 'Make 24 of 3, 5, 7 and 11.' })
      expect(reply?.body).toMatchObject({ parent: message?.body.id, model: 'r1-nano' })
    }))

  it('stops with Escape and keeps what was written', () =>
    during({ pace: 15 }, async ({ page, standIn }) => {
      await say(page, 'Think slowly')
      await page.getByText('Step by step.').waitFor()
      await page.keyboard.press('Escape')
      await page.getByText('Stopped').waitFor()
      await expect.poll(() => standIn.stopped).toBe(1)
      await page.getByRole('button', { name: /^Thought/ }).click()
      await page.getByText('Step by step.').first().waitFor()
      expect(await page.getByLabel('Send').isVisible()).toBe(true)
    }))

  it('keeps the history over a reload', () =>
    during({ pace: 1 }, async ({ page }) => {
      await say(page, 'Show me markdown')
      await answered(page)
      await page.reload()
      await page.getByRole('heading', { name: 'What Markdown looks like' }).waitFor()
      await page.locator('pre .hljs-keyword').first().waitFor()
      await page.getByRole('link', { name: 'Show me markdown' }).waitFor()
      expect(await page.getByRole('cell', { name: '0.64' }).count()).toBe(1)
    }))

  it('branches where a message is edited or answered again', () =>
    during({ pace: 1 }, async ({ page, standIn }) => {
      await say(page, 'First wording')
      await answered(page)
      await page.getByRole('button', { name: 'Answer again' }).click()
      await page.getByText('2/2').waitFor()
      await answered(page)
      await page.getByRole('button', { name: 'Edit' }).click()
      await page.getByLabel('Edit message').fill('Second wording')
      await page.keyboard.press('Enter')
      await page.getByText('Second wording').first().waitFor()
      await answered(page)
      const question = page.locator('.question')
      await question.getByRole('button', { name: 'Previous branch' }).click()
      await question.getByText('First wording').waitFor()
      // The branch of the first wording still has both of its answers, the newest one shown.
      await page.locator('.answer').getByText('2/2').waitFor()
      await page.locator('.answer').getByRole('button', { name: 'Previous branch' }).click()
      await page.locator('.answer').getByText('1/2').waitFor()
      const [conversation] = standIn.conversations.values()
      expect(conversation?.messages.map(({ role }) => role)).toEqual([
        'user',
        'assistant',
        'assistant',
        'user',
        'assistant',
      ])
      const first = conversation?.messages[1]?.id
      await expect.poll(() => conversation?.activeLeaf).toBe(first)
      await page.reload()
      await page.locator('.answer').getByText('1/2').waitFor()
    }))

  it('asks two models side by side and goes on with the chosen answer', () =>
    during({ pace: 1 }, async ({ page, standIn }) => {
      await page.getByRole('button', { name: 'Model and sampling' }).click()
      await page.getByLabel('Side by side with').selectOption('smollm2-135m')
      await page.getByLabel('System prompt').fill('Be brief.')
      await page.getByLabel('Temperature').fill('0.2')
      await say(page, 'Make 24')
      await answered(page)
      expect(await page.locator('.columns .answer').count()).toBe(2)
      await page.getByRole('button', { name: 'Go on with this answer' }).click()
      await page.getByLabel('Side by side with').selectOption('')
      await say(page, 'Go on')
      await answered(page)
      const [conversation] = standIn.conversations.values()
      expect(conversation).toMatchObject({ system: 'Be brief.', sampling: { temperature: 0.2 } })
      const chosen = conversation?.messages.find(({ model }) => model === 'smollm2-135m')
      expect(conversation?.messages.find(({ content }) => content === 'Go on')?.parent).toBe(chosen?.id)
    }))

  it('colours tokens by probability and shows what else they could have been', () =>
    during({ pace: 1 }, async ({ page, standIn }) => {
      await say(page, 'Make 24')
      await answered(page)
      await page.getByRole('button', { name: 'Colour by probability' }).click()
      await page.getByRole('button', { name: 'Answer again with them' }).click()
      await answered(page)
      expect(standIn.asked.at(-2)?.body).toMatchObject({ probabilities: true })
      await page.locator('.token.level-4').first().hover()
      const alternatives = page.getByRole('status', { name: 'Alternatives' })
      await alternatives.getByText('something').waitFor()
      await alternatives.getByText('7%').waitFor()
      await page.getByRole('group', { name: 'Colour by probability' }).press('ArrowRight')
      await alternatives.waitFor()
    }))

  it('finds, renames and deletes conversations', () =>
    during({ pace: 1 }, async ({ page, standIn }) => {
      for (const text of ['About whales', 'About trains']) {
        await page.getByRole('button', { name: 'New chat' }).first().click()
        await say(page, text)
        await answered(page)
      }
      await page.getByLabel('Search conversations').fill('whales')
      await page.getByRole('link', { name: 'About trains' }).waitFor({ state: 'detached' })
      await page.getByRole('link', { name: 'About whales' }).hover()
      await page.getByRole('button', { name: 'Rename' }).click()
      await page.getByLabel('Title').fill('Large animals')
      await page.keyboard.press('Enter')
      await page.getByRole('link', { name: 'Large animals' }).hover()
      await expect.poll(() => [...standIn.conversations.values()].map(({ title }) => title)).toContain('Large animals')
      await page.getByRole('button', { name: 'Delete' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await expect.poll(() => standIn.conversations.size).toBe(1)
      await page.getByText('Nothing found.').waitFor()
    }))

  it('is used with the keyboard alone', () =>
    during({ pace: 1, context: { permissions: ['clipboard-read', 'clipboard-write'] } }, async ({ page, standIn }) => {
      await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('TEXTAREA')
      await page.keyboard.type('First line')
      await page.keyboard.press('Shift+Enter')
      await page.keyboard.type('second line')
      await page.keyboard.press('Enter')
      await answered(page)
      expect([...standIn.conversations.values()][0]?.messages[0]?.content).toBe('First line\nsecond line')
      await page.keyboard.press('ArrowUp')
      await page.getByLabel('Edit message').waitFor()
      await page.keyboard.press('Escape')
      await page.getByLabel('Edit message').waitFor({ state: 'detached' })
      await page.keyboard.press('Escape')
      await page.keyboard.press('t')
      await page.getByText('I need to use').waitFor()
      await page.keyboard.press('r')
      await page.getByText('2/2').waitFor()
      await answered(page)
      await page.keyboard.press('[')
      await page.getByText('1/2').waitFor()
      await page.keyboard.press('c')
      await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain('Take two differences')
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.keyboard.press('Control+k')
      expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('search')
      await page.keyboard.press('Escape')
      await page.keyboard.press('2')
      await page.getByRole('heading', { name: 'Runs' }).waitFor()
      await page.keyboard.press('1')
      await page.keyboard.press('n')
      await page.getByRole('heading', { name: 'What shall we think about?' }).waitFor()
    }))

  it('leaves Enter to an input method while it composes', () =>
    during({}, async ({ page, standIn }) => {
      const field = page.getByLabel('Message')
      await field.fill('nihao')
      await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
      expect(await field.inputValue()).toBe('nihao')
      expect(standIn.asked.some(({ request }) => request.startsWith('POST'))).toBe(false)
    }))

  it('says what failed, and tries again', () =>
    during({ pace: 1 }, async ({ page, standIn }) => {
      await say(page, 'Please fail')
      await page.getByText('The model ran out of memory.').waitFor()
      await page.getByText('It began well').waitFor()
      await page.reload()
      await page.getByText('The answer broke off.').waitFor()
      standIn.failing = { status: 503 }
      await say(page, 'Are you there?')
      await page.getByText('Not sent.').waitFor()
      standIn.failing = undefined
      await page.locator('.question').getByRole('button', { name: 'Try again' }).click()
      await answered(page)
      expect(await page.getByText('Not sent.').count()).toBe(0)
      const [conversation] = standIn.conversations.values()
      expect(conversation?.messages.filter(({ content }) => content === 'Are you there?')).toHaveLength(1)
    }))

  it('does not run what a hostile model or a hostile title says', () =>
    during(
      {
        pace: 1,
        conversations: [
          {
            id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8',
            title: '<img src=x onerror="window.hacked=11">',
            system: '"><script>window.hacked=12</script>',
            createdAt: '2026-01-01T00:00:00Z',
            updatedAt: '2026-01-01T00:00:00Z',
            messages: [],
          },
        ],
      },
      async ({ page }) => {
        await page.getByRole('link', { name: '<img src=x' }).click()
        await say(page, '<svg onload="window.hacked=13"> hostile')
        await answered(page)
        await page.getByRole('button', { name: /^Thought/ }).click()
        await page.locator('.answer figure.code').first().waitFor()
        // Formulas and colours come later than the text.
        await page.waitForTimeout(500)
        await page.getByRole('button', { name: 'Colour by probability' }).click()
        expect(await page.evaluate(() => (window as unknown as { hacked?: number }).hacked)).toBeUndefined()
        expect(
          await page.locator('.turns :is(script, iframe, img, object, embed, form, [onerror], [onload])').count(),
        ).toBe(0)
        const addresses = await page
          .locator('.turns a')
          .evaluateAll((links) => links.map((a) => a.getAttribute('href')))
        expect(addresses.every((address) => address?.startsWith('http'))).toBe(true)
      },
    ))
})

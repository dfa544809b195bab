/**
 * Takes the README's picture of the console from a running server: `npm run picture:console -- http://127.0.0.1:8000 QUESTION MODEL`.
 *
 * The conversation in it is asked for while it is taken, so it shows what the server's own model says.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startBrowser } from '../testing/browser.ts'
import { answered, say } from '../testing/visit.ts'

const usual = 'Use 3, 5, 7 to make 56.'
const [address = 'http://127.0.0.1:8000', question = usual, model] = process.argv.slice(2)
const folder = resolve(import.meta.dirname, '../../docs/images')
const file = join(folder, 'console.png')

const browser = await startBrowser()
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  await page.goto(address)
  await page.locator('.greeting p').first().waitFor()
  if (model) await page.getByLabel('Model', { exact: true }).selectOption(model)
  await say(page, question)
  await answered(page)
  // Thinking is unfolded, so that the picture shows it; formulas come a moment after the text.
  const thought = page.locator('.thinking > button')
  if (await thought.count()) await thought.click()
  await page.locator('.thread').evaluate((thread) => thread.scrollTo(0, 0))
  await page.waitForTimeout(1000)
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: file })
  console.log(`docs/images/console.png, ${(statSync(file).size / 1000).toFixed(0)} kB`)
} finally {
  await browser.close()
}

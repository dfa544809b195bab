/**
 * Prints what a first visit to the built console costs: compressed sizes of what is loaded, and the time to the first paint.
 *
 * Run it with `npm run figures:console`, after `npm run build:console`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startBrowser } from '../testing/browser.ts'
import { StandIn } from '../testing/stand-in.ts'

const visits = 7
const folder = resolve(import.meta.dirname, '../../dist/console')
const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`
const packed = (name: string): number => gzipSync(readFileSync(join(folder, 'assets', name)), { level: 9 }).length

const standIn = await StandIn.start({ folder })
const browser = await startBrowser()
try {
  const paints: number[] = []
  let loaded: string[] = []
  for (let visit = 0; visit < visits; visit++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const page = await context.newPage()
    await page.goto(standIn.address)
    await page.locator('.greeting p').first().waitFor()
    const entries = await page.evaluate(() => ({
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      names: performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.replace('/assets/', '')),
    }))
    paints.push(entries.paint)
    loaded = entries.names
    await context.close()
  }
  const scripts = readdirSync(join(folder, 'assets')).filter((name) => name.endsWith('.js'))
  const first = scripts.filter((name) => loaded.includes(name))
  console.log(`script of a first visit   ${kilobytes(first.reduce((sum, name) => sum + packed(name), 0))} compressed`)
  for (const name of scripts.filter((other) => !loaded.includes(other)))
    console.log(`  later: ${name.replace(/-[\w-]{8}\.js$/, '').padEnd(18)} ${kilobytes(packed(name))} compressed`)
  const ordered = paints.toSorted((one, other) => one - other)
  const median = ordered[Math.floor(visits / 2)] ?? Number.NaN
  console.log(`first contentful paint    ${median.toFixed(0)} ms, median of ${visits} visits with empty caches`)
} finally {
  await browser.close()
  await standIn.close()
}

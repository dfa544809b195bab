import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { build } from 'vite'
import { startBrowser } from './browser.ts'
import { readBuilt } from './files.ts'
import { StandIn, type StandInOptions } from './stand-in.ts'

/** A visit to the console. */
export interface Visit {
  readonly page: Page
  /** What went wrong on the page: errors, broken rules of the content security policy, requests to other servers. */
  readonly problems: string[]
  end(): Promise<void>
}

/** A visit to the console before a stand-in of its own. */
export interface StandInVisit extends Visit {
  readonly standIn: StandIn
}

export type VisitOptions = Omit<StandInOptions, 'folder'> & {
  readonly context?: BrowserContextOptions
  /** Behind the server's address, such as `#/runs`. */
  readonly path?: string
}

const desktop: BrowserContextOptions = {
  viewport: { width: 1280, height: 800 },
  locale: 'en-US',
  colorScheme: 'light',
  reducedMotion: 'reduce',
}

export const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

/** The console as it is now, built, and a browser to visit it. */
export class Visits {
  private readonly folder: string
  private readonly browser: Browser

  private constructor(folder: string, browser: Browser) {
    this.folder = folder
    this.browser = browser
  }

  static async begin(): Promise<Visits> {
    const folder = await mkdtemp(join(tmpdir(), 'r1-console-'))
    const configFile = join(import.meta.dirname, '../vite.config.ts')
    await build({ configFile, logLevel: 'warn', build: { outDir: folder } })
    return new Visits(folder, await startBrowser())
  }

  /** A visit to a stand-in of its own. */
  async visit({ context = {}, path = '', ...options }: VisitOptions = {}): Promise<StandInVisit> {
    const standIn = await StandIn.start({ folder: this.folder, ...options })
    const { page, problems, window } = await this.open(standIn.address, context)
    await page.goto(standIn.address + path)
    const end = async () => {
      await window.close()
      await standIn.close()
    }
    return { page, standIn, problems, end }
  }

  /** A visit to a server that is there: its `/api`, with the console as it is built now. */
  async visitServer(address: string): Promise<Visit> {
    const { page, problems, window } = await this.open(address)
    await page.route('**/*', async (route) => {
      const { pathname } = new URL(route.request().url())
      if (pathname.startsWith('/api/')) return route.continue()
      const { status, headers, body } = await readBuilt(this.folder, pathname)
      return route.fulfill({ status, headers, ...(body ? { body } : {}) })
    })
    await page.goto(`${address}/`)
    return { page, problems, end: () => window.close() }
  }

  private async open(address: string, options: BrowserContextOptions = {}) {
    const window = await this.browser.newContext({ ...desktop, ...options })
    const page = await window.newPage()
    page.setDefaultTimeout(60_000)
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      // The browser reports each failed request; tests that make requests fail look at the page instead.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load')) problems.push(message.text())
    })
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(address) && !url.startsWith('blob:')) problems.push(`request to ${url}`)
    })
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    return { page, problems, window }
  }

  async end(): Promise<void> {
    await this.browser.close()
    await rm(this.folder, { recursive: true })
  }
}

/** Writes a message into the field at the bottom and sends it with Enter. */
export async function say(page: Page, text: string): Promise<void> {
  const field = page.locator('.composer textarea')
  await field.fill(text)
  await field.press('Enter')
}

/** Waits until the last answer is complete. */
export async function answered(page: Page): Promise<void> {
  await page.locator('.turns > :is(.answer, .columns):last-child .turn-actions').last().waitFor()
  await page.locator('.answer[aria-busy="true"]').waitFor({ state: 'detached' })
}

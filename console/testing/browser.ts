import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A Chromium of this machine, if there is one (`CHROMIUM` names another); Playwright's own is never downloaded. */
export const chromiumPath = [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path))

/** @throws where the machine has no Chromium */
export async function startBrowser(): Promise<Browser> {
  if (!chromiumPath) throw new Error('There is no Chromium: install it, or name one in CHROMIUM.')
  // As root Chromium has no sandbox, and small machines have little shared memory.
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--font-render-hinting=none'],
  })
}

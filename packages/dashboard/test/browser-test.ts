import { test as anyTest } from 'vitest'
import { chromiumPath } from './browser.js'

if (chromiumPath === null) {
  console.warn(
    'Tests of the dashboard are skipped: there is no Chromium on the PATH (Debian: apt-get install chromium).',
  )
}

/** A test that needs a browser: skipped where there is none. */
export const test = anyTest.skipIf(chromiumPath === null)

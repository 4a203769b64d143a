import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { chromium, type BrowserContext } from 'playwright-core'

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

function findChromium(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = folders.flatMap((folder) => programs.map((program) => join(folder, program)))
  return paths.find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Null: there is none. */
export const chromiumPath = findChromium()

export interface Screen {
  readonly width: number
  readonly height: number
  readonly colorScheme?: 'light' | 'dark'
  readonly deviceScaleFactor?: number
}

/** A headless browser that knows nothing, asks nobody but whom the page asks, and leaves nothing behind. */
export async function openBrowser({
  width,
  height,
  colorScheme = 'light',
  deviceScaleFactor = 1,
}: Screen): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), 'signalbox-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath ?? '',
    headless: true,
    viewport: { width, height },
    colorScheme,
    deviceScaleFactor,
    // Root, as which tests run in containers, has no sandbox; the others keep what is on this machine out of the run.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  return {
    context,
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

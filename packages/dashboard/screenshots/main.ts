/**
 * Takes the pictures of docs/images anew: npm run screenshots -w @signalbox/dashboard. Of the built service and page, under a load that
 * goes on long enough for the charts to have something to show.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SignalboxClient } from '@signalbox/client'
import type { Page } from 'playwright-core'
import { startService } from '../../../scripts/service.mjs'
import { openBrowser, type Screen } from '../test/browser.js'

const loadMs = 70_000
const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url))

interface Load {
  readonly name: string
  readonly limit: number
  readonly workers: number
  readonly workMs: number
  readonly pauseMs: number
}

const loads: readonly Load[] = [
  { name: 'partner-api:acme', limit: 8, workers: 14, workMs: 900, pauseMs: 400 },
  { name: 'gpu:render', limit: 4, workers: 9, workMs: 7_000, pauseMs: 4_000 },
  { name: 'billing:invoices', limit: 6, workers: 8, workMs: 2_500, pauseMs: 2_000 },
  { name: 'reports:heavy', limit: 2, workers: 4, workMs: 9_000, pauseMs: 5_000 },
  { name: 'licences:cad', limit: 5, workers: 5, workMs: 40_000, pauseMs: 500 },
  { name: 'billing:dunning', limit: 1, workers: 1, workMs: 30_000, pauseMs: 500 },
  { name: 'search:reindex', limit: 16, workers: 11, workMs: 1_200, pauseMs: 600 },
  { name: 'mail:newsletter', limit: 40, workers: 30, workMs: 2_000, pauseMs: 1_500 },
  { name: 'etl:warehouse', limit: 12, workers: 5, workMs: 5_000, pauseMs: 3_000 },
  { name: 'exports:pdf', limit: 10, workers: 3, workMs: 800, pauseMs: 1_500 },
  { name: 'partner-api:globex', limit: 20, workers: 6, workMs: 700, pauseMs: 500 },
  { name: 'mail:transactional', limit: 100, workers: 24, workMs: 1_000, pauseMs: 700 },
]

/** Between half of it and half more: evenly spread work looks like nobody's. */
const about = (ms: number) => ms * (0.5 + Math.random())

async function work(client: SignalboxClient, load: Load, signal: AbortSignal): Promise<void> {
  const semaphore = client.boundedSemaphore(load.name, load.limit)
  while (!signal.aborted) {
    await sleep(about(load.pauseMs), undefined, { signal })
    await semaphore.run({ signal }, () => sleep(about(load.workMs), undefined, { signal }))
  }
}

async function take(screen: Screen, url: string, shoot: (page: Page) => Promise<void>): Promise<void> {
  const { context, close } = await openBrowser(screen)
  const [page = await context.newPage()] = context.pages()
  await page.goto(url)
  await page.getByText('Live', { exact: true }).waitFor()
  await sleep(loadMs)
  await shoot(page)
  await close()
}

const service = await startService({ REDIS_URL: undefined })
const stop = new AbortController()
setMaxListeners(0, stop.signal)
const clients = loads.flatMap((load, place) =>
  Array.from({ length: load.workers }, (_, index) => {
    const job = load.name.replace(/^.*:/, '')
    const client = new SignalboxClient({
      url: service.url,
      holder: `${job}-${index + 1} on host-${((place + index) % 7) + 1}`,
    })
    work(client, load, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
    })
    return client
  }),
)
const operator = new SignalboxClient({ url: service.url })
await operator.boundedSemaphore('legacy:import').resize(0)
await Promise.all([
  take({ width: 1200, height: 760 }, service.url, async (page) => {
    await page.screenshot({ path: `${images}dashboard-overview.png` })
    await page.getByRole('link', { name: 'gpu:render' }).click()
    await page.getByRole('region', { name: 'Queue' }).waitFor()
    await page.getByRole('button', { name: 'Resize' }).click()
    await page.getByLabel('New limit').fill('2')
    await page.getByRole('dialog').getByText('Nothing is taken').waitFor()
    await page.screenshot({ path: `${images}dashboard-resize.png` })
  }),
  take({ width: 390, height: 760, colorScheme: 'dark' }, service.url, async (page) => {
    await page.screenshot({ path: `${images}dashboard-phone.png` })
  }),
])
stop.abort()
await Promise.all([...clients, operator].map((client) => client.close()))
await service.stop()

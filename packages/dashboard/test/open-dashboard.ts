import { randomUUID } from 'node:crypto'
import type { Page } from 'playwright-core'
import { expect, inject, onTestFinished } from 'vitest'
import { run, type Running } from '../../../services/semaphore/test/run-service.js'
import { openBrowser, type Screen } from './browser.js'

export interface Dashboard {
  readonly page: Page
  readonly url: string
  readonly service: Running
  /** What the service was started with: to start it again, at the same place. */
  readonly env: Record<string, string>
  /** Every address that the browser asked for. */
  readonly requests: readonly string[]
}

export interface Opened extends Partial<Screen> {
  readonly env?: Record<string, string>
  /** Behind the `#`. */
  readonly place?: string
}

/**
 * The built service over the run's Redis, and its page in a browser. When the test is over, nothing of what the page did may have broken
 * its Content-Security-Policy, have thrown, or have asked another host.
 */
export async function openDashboard({ env = {}, place = '', ...screen }: Opened = {}): Promise<Dashboard> {
  const all = { REDIS_URL: inject('redisUrl'), SIGNALBOX_KEY_PREFIX: `page:${randomUUID()}:`, ...env }
  const service = run(all)
  const url = await service.url()
  const { context, close } = await openBrowser({ width: 1280, height: 800, ...screen })
  const [page = await context.newPage()] = context.pages()
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // What the service refuses or does not answer, the browser also writes there.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  onTestFinished(async () => {
    await close()
    expect(complaints).toEqual([])
    expect(requests.filter((asked) => !asked.startsWith(url))).toEqual([])
  })
  await page.goto(`${url}/${place}`)
  return { page, url, service, env: { ...all, PORT: new URL(url).port }, requests }
}

/** The cells of the row of one semaphore in the overview. */
export function rowOf(page: Page, name: string) {
  return page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) })
}

/** Calls the API as an operator would from a terminal. */
export async function put(url: string, name: string, limit: number, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/semaphores/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ limit }),
  })
  expect(response.ok).toBe(true)
}

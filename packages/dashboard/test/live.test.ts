import { startTcpProxy } from '@signalbox/test-redis'
import { expect, inject, onTestFinished } from 'vitest'
import { run } from '../../../services/semaphore/test/run-service.js'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { Holder, holding } from './holders.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

test('the overview follows processes that hold, wait, are killed and release', async () => {
  const { page, url } = await openDashboard()
  await page.getByText('There is no semaphore yet').waitFor()
  const asked = { url, name: 'reports', limit: 2 }
  const first = await holding({ ...asked, holder: 'first', ttlMs: 5_000 })
  const row = rowOf(page, 'reports')
  await row.getByText('Free').waitFor()
  await row.getByText('1 of 2').waitFor()

  const second = await holding({ ...asked, holder: 'second' })
  await row.getByText('Full').waitFor()
  const third = new Holder({ ...asked, holder: 'third' })
  await row.getByText('Queue').waitFor()
  await row.getByText('2 of 2').waitFor()
  await row.getByRole('cell', { name: /^([3-9]|[1-9]\d) s$/ }).waitFor()

  const granted = row.getByRole('cell', { name: /^\d\.\d$/ }).waitFor()
  await first.kill()
  await third.says('holds')
  await row.getByText('Full').waitFor()
  await row.getByRole('cell', { name: '–' }).waitFor()
  await granted

  await second.release()
  await third.release()
  await row.getByText('0 of 2').waitFor()
  await row.getByText('Free').waitFor()
})

test('one semaphore shows its holders, its queue in order, and who is gone', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/gpu' })
  await page.getByText('There is no semaphore of this name now').waitFor()
  const asked = { url, name: 'gpu', limit: 3 }
  const short = await holding({ ...asked, holder: 'render-1 on host-a', ttlMs: 5_000 })
  await holding({ ...asked, holder: 'render-2 on host-b', permits: 2, ttlMs: 60_000 })
  const holders = page.getByRole('region', { name: 'Holders' })
  const queue = page.getByRole('region', { name: 'Queue' })
  const big = holders.getByRole('row', { name: /render-2 on host-b/ })
  await big.getByRole('cell', { name: '2', exact: true }).waitFor()
  await big.getByText(/^in (1 min|[45]\d s) at \d/).waitFor()
  const { items } = (await (await fetch(`${url}/v1/semaphores/gpu/leases`)).json()) as { items: { fence: number }[] }
  for (const { fence } of items) await holders.getByText(String(fence), { exact: true }).waitFor()

  const impatient = new Holder({ ...asked, holder: 'waits and dies' })
  await queue.getByRole('row', { name: /^1 waits and dies/ }).waitFor()
  const patient = new Holder({ ...asked, holder: 'waits in vain', permits: 3 })
  await queue.getByRole('row', { name: /^2 waits in vain 3/ }).waitFor()
  await impatient.kill()
  await queue.getByRole('row', { name: /^1 waits in vain 3/ }).waitFor()

  await short.kill()
  await holders.getByRole('row', { name: /render-1/ }).waitFor({ state: 'detached' })
  await page.getByText('2 of 3 in use').first().waitFor()
  await patient.kill()
  await queue.getByText('Nobody waits.').waitFor()
})

test('the chart has what was seen before the semaphore was opened', async () => {
  const { page, url } = await openDashboard()
  await put(url, 'exports', 5)
  const holder = await holding({ url, name: 'exports', limit: 5, holder: 'exporter', permits: 4 })
  const row = rowOf(page, 'exports')
  await row.getByText('4 of 5').waitFor()
  await holder.release()
  await row.getByText('0 of 5').waitFor()
  await row.getByRole('link').click()
  const use = page.getByRole('region', { name: 'Use' })
  await use.getByText(/at most 4 in use and 0 waiting\. Now 0 of 5 in use/).waitFor()
  await eventually(() => use.locator('canvas').count()).toBe(2)
})

test('no number at the chart is cut off', async () => {
  const { page, url } = await openDashboard()
  await page.addInitScript(() => {
    const { fillText } = CanvasRenderingContext2D.prototype
    const leftmost = { px: Infinity, text: '' }
    Object.assign(window, { leftmost })
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      const px = x - (this.textAlign === 'right' ? this.measureText(text).width : 0)
      if (this.textAlign === 'right' && px < leftmost.px) Object.assign(leftmost, { px, text })
      fillText.call(this, text, x, y)
    }
  })
  await put(url, 'huge', 1_000_000)
  await page.goto(`${url}/?again#/semaphores/huge`)
  await eventually(() => page.evaluate('leftmost.text')).toBe('1,000,000')
  expect(await page.evaluate('leftmost.px')).toBeGreaterThanOrEqual(0)
})

test('a link with an escaped colon leads where it says', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/billing%3Ainvoices' })
  await put(url, 'billing:invoices', 2)
  await page.getByRole('heading', { name: 'billing:invoices' }).waitFor()
})

test('the page says when the service is gone, and goes on when it is back', async () => {
  const { page, url, service, env } = await openDashboard()
  await put(url, 'reports', 3)
  const row = rowOf(page, 'reports')
  await row.getByText('0 of 3').waitFor()
  const status = page.getByRole('banner').getByRole('status')
  await status.getByText('Live', { exact: true }).waitFor()

  service.child.kill('SIGKILL')
  await service.ended
  await status.getByText('Not live: The service does not answer.').waitFor()
  await page.getByText(/Trying again in/).waitFor()
  await row.getByText('0 of 3').waitFor()

  const again = run(env)
  await again.url()
  await put(url, 'reports', 7)
  await status.getByText('Live', { exact: true }).waitFor()
  await row.getByText('0 of 7').waitFor()
})

test('what is shown of one semaphore has no colour while its own stream is lost, whether or not the other is live', async () => {
  const { page, url } = await openDashboard()
  await put(url, 'reports', 3)
  const semaphore = {
    name: 'reports',
    limit: 3,
    bounded: true,
    used: 0,
    available: 3,
    waiting: 0,
    oldestWaitMs: 0,
    grantsPerS: 0,
  }
  const snapshot = JSON.stringify({ semaphore, leases: [], waiters: [], truncated: false })
  let asked = 0
  await page.route('**/v1/events?semaphore=*', (route) => {
    asked += 1
    if (asked > 1) return route.abort()
    return route.fulfill({ contentType: 'text/event-stream', body: `event: snapshot\ndata: ${snapshot}\n\n` })
  })
  await rowOf(page, 'reports').getByRole('link').click()
  await page.getByRole('main').getByText('Not live: The service does not answer.').waitFor()
  await page.getByRole('banner').getByText('Live', { exact: true }).waitFor()
  const filter = await page.locator('.state').evaluate((state) => getComputedStyle(state.parentElement ?? state).filter)
  expect(filter).toBe('grayscale(1)')
})

test('a page that is slow to paint misses nothing of what the service tells meanwhile', async () => {
  const { page, url } = await openDashboard()
  await put(url, 'reports', 3)
  await page.addInitScript(() => {
    const { setTimeout } = window
    const afterPaintMs = 1_000
    // What is to be done after the next paint, or soon where there is none.
    window.requestAnimationFrame = (callback) => setTimeout(() => callback(performance.now()), afterPaintMs)
    Object.assign(window, {
      setTimeout: (callback: () => void, delayMs = 0) =>
        setTimeout(callback, delayMs > 0 && delayMs <= 100 ? afterPaintMs : delayMs),
    })
  })
  await page.reload()
  await page.getByRole('banner').getByRole('status').getByText('Live', { exact: true }).waitFor()
})

test('the page says when the service does not reach its store, and goes on when it does', async () => {
  const { hostname, port } = new URL(inject('redisUrl'))
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  onTestFinished(() => proxy.close())
  const { page, url } = await openDashboard({ env: { REDIS_URL: `redis://${proxy.host}:${proxy.port}` } })
  await put(url, 'reports', 3)
  await rowOf(page, 'reports').getByText('0 of 3').waitFor()
  await proxy.refuse()
  const status = page.getByRole('banner').getByRole('status')
  await status.getByText('Not live: The service does not reach its store.').waitFor()
  await proxy.accept()
  await status.getByText('Live', { exact: true }).waitFor()
  await rowOf(page, 'reports').getByText('0 of 3').waitFor()
})

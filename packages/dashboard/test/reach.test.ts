import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { Holder, holding } from './holders.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What the checker of accessibility has against the page as it is now. */
async function complaintsOf(page: Page): Promise<unknown> {
  await page.evaluate(axe)
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, failureSummary }) => [html, failureSummary])]))`,
  )
}

async function openBusy(screen: { width: number; height: number; colorScheme: 'light' | 'dark' }) {
  const dashboard = await openDashboard(screen)
  const asked = { url: dashboard.url, name: 'partner-api:a-long-name-of-a-tenant.example', limit: 2 }
  await holding({ ...asked, holder: 'a holder with quite a long label (pid 12345) on host-17.example', permits: 2 })
  const waiter = new Holder({ ...asked, holder: '' })
  await waiter.says('asks')
  await rowOf(dashboard.page, asked.name).getByText('Queue').waitFor({ state: 'attached' })
  return { ...dashboard, name: asked.name }
}

test.each([
  { width: 1280, height: 800, colorScheme: 'light' },
  { width: 1280, height: 800, colorScheme: 'dark' },
  { width: 720, height: 900, colorScheme: 'light' },
  { width: 961, height: 700, colorScheme: 'light' },
  { width: 360, height: 740, colorScheme: 'light' },
  { width: 360, height: 740, colorScheme: 'dark' },
] as const)('everybody reaches everything at $width x $height, $colorScheme', async (screen) => {
  const { page, name } = await openBusy(screen)
  const isWithin = () => page.evaluate('document.documentElement.scrollWidth <= innerWidth')
  expect(await complaintsOf(page)).toEqual([])
  expect(await isWithin()).toBe(true)
  await rowOf(page, name).getByRole('link').click()
  await page.getByRole('region', { name: 'Queue' }).getByText('no label').waitFor()
  expect(await complaintsOf(page)).toEqual([])
  expect(await isWithin()).toBe(true)
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').waitFor()
  expect(await complaintsOf(page)).toEqual([])
})

test('what is chosen is told apart where the system chooses the colours', async () => {
  const { page } = await openDashboard()
  await page.emulateMedia({ forcedColors: 'active' })
  const groundOf = (name: string) =>
    page.getByRole('button', { name }).evaluate((button) => getComputedStyle(button).backgroundColor)
  expect(await groundOf('All')).not.toBe(await groundOf('Full'))
})

test('who tabs upwards is never led behind the head', async () => {
  const { page, url } = await openDashboard({ height: 500 })
  for (let index = 10; index < 70; index += 1) await put(url, `job-${index}`, 1)
  await page.getByText('All 60').waitFor()
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  await rowOf(page, 'job-69').getByRole('link').focus()
  const headPx = await page.getByRole('banner').evaluate((head) => head.getBoundingClientRect().bottom)
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Shift+Tab')
    expect(await page.locator(':focus').evaluate((link) => link.getBoundingClientRect().top)).toBeGreaterThan(headPx)
  }
})

test('names and labels without a space stay within the page, the dialog and what was done', async () => {
  const { page, url } = await openDashboard({ width: 360, height: 740 })
  const asked = { url, name: 'n'.repeat(128), holder: 'h'.repeat(256), ttlMs: 60_000 }
  await holding(asked)
  const isWithin = (selector: string) =>
    page.locator(selector).evaluate((element) => {
      const { left, right } = element.getBoundingClientRect()
      return left >= 0 && right <= innerWidth && element.scrollWidth <= element.clientWidth
    })
  await rowOf(page, asked.name).getByRole('link').click()
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByRole('dialog').waitFor()
  expect(await isWithin('dialog')).toBe(true)
  await page.getByRole('button', { name: 'Take it back' }).click()
  await page.getByText('came back from').waitFor()
  expect(await isWithin('.done p')).toBe(true)
})

test('the keyboard alone gets to a semaphore, into a dialog, out of it, and back', async () => {
  const { page, name } = await openBusy({ width: 1280, height: 800, colorScheme: 'light' })
  const focused = () => page.evaluate('document.activeElement.textContent')
  const tabTo = async (text: string) => {
    for (let presses = 0; presses < 30 && (await focused()) !== text; presses += 1) await page.keyboard.press('Tab')
    expect(await focused()).toBe(text)
  }
  await tabTo(name)
  await page.keyboard.press('Enter')
  await eventually(() => page.title()).toBe(`${name} · Signalbox`)
  // Its text alone would not tell it from the link that was followed.
  await eventually(() => page.evaluate('document.activeElement.localName')).toBe('h1')
  expect(await focused()).toBe(name)
  await tabTo('Remove …')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await eventually(focused).toBe('Remove …')
  await page.goBack()
  await rowOf(page, name).waitFor()
  await eventually(focused).toBe('Semaphores')
})

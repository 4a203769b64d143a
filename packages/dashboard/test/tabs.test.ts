import type { Page } from 'playwright-core'
import { test } from './browser-test.js'
import { holding } from './holders.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

/** As when another tab is looked at; the driver shows all its pages at once. */
async function setHidden(page: Page, isHidden: boolean) {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, isHidden)
}

test('a semaphore that was removed while the page was hidden leaves nothing in the chart of the next of its name', async () => {
  const { page, url } = await openDashboard()
  await holding({ url, name: 'reports', limit: 5, permits: 4, holder: 'one', ttlMs: 60_000 })
  await rowOf(page, 'reports').getByText('4 of 5').waitFor()
  await setHidden(page, true)
  await page.getByText('Not live: The page was hidden.').waitFor()
  await fetch(`${url}/v1/semaphores/reports?force=true`, { method: 'DELETE' })
  await setHidden(page, false)
  await page.getByText('There is no semaphore yet').waitFor()
  await put(url, 'reports', 5)
  await rowOf(page, 'reports').getByRole('link').click()
  await page.getByText(/at most 0 in use and 0 waiting\. Now 0 of 5 in use/).waitFor({ state: 'attached' })
})

test('tabs that nobody looks at leave connections to the one that somebody does, and go on when they are shown', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await put(url, 'reports', 2)
  const tabs = [page]
  for (let count = 0; count < 4; count += 1) {
    const tab = await page.context().newPage()
    // All of the six that a browser opens to one host, but for those that hidden tabs leave.
    await tab.goto(`${url}/#/semaphores/reports`)
    await tab.getByText('0 of 2 in use').first().waitFor()
    await setHidden(tab, true)
    tabs.push(tab)
  }
  await page.getByRole('button', { name: 'Resize' }).click()
  await page.getByLabel('New limit').fill('7')
  await page.keyboard.press('Enter')
  await page.getByText('The limit of reports is 7.').waitFor()
  for (const tab of tabs.slice(1)) {
    await setHidden(tab, false)
    await tab.getByText('0 of 7 in use').first().waitFor()
    await setHidden(tab, true)
  }
})

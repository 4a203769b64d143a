import { expect } from 'vitest'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { Holder, holding } from './holders.js'
import { openDashboard, put } from './open-dashboard.js'

const stateOf = async (url: string, name: string): Promise<unknown> =>
  (await fetch(`${url}/v1/semaphores/${name}`)).json()

test('a resize says what it will do, does it, and lets in who waits', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  const asked = { url, name: 'reports', limit: 2 }
  await holding({ ...asked, holder: 'one' })
  await holding({ ...asked, holder: 'two' })
  const waiter = new Holder({ ...asked, holder: 'three' })
  await page.getByRole('region', { name: 'Queue' }).getByRole('rowheader', { name: 'three' }).waitFor()

  await page.getByRole('button', { name: 'Resize' }).click()
  const dialog = page.getByRole('dialog', { name: 'Resize reports' })
  const limit = dialog.getByLabel('New limit')
  await eventually(() => limit.evaluate('document.activeElement?.type')).toBe('number')
  await limit.fill('1')
  await dialog.getByText(/2 permits are in use, 1 permit more than the new limit: those who hold keep theirs/).waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await stateOf(url, 'reports')).toMatchObject({ limit: 2, waiting: 1 })

  await page.getByRole('button', { name: 'Resize' }).press('Enter')
  expect(await dialog.getByRole('button', { name: 'Set the limit' }).isDisabled()).toBe(true)
  await limit.fill('04')
  await dialog.getByText(/Then 2 permits are free\. The first in the queue get permits at once/).waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('The limit of reports is 4.').waitFor()
  await waiter.says('holds')
  await page.getByText('3 of 4 in use').first().waitFor()
})

test('what the service says against it is shown in the dialog, and nothing is done', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await put(url, 'reports', 2)
  await page.getByRole('button', { name: 'Resize' }).click()
  await page.getByLabel('New limit').fill('9999999999')
  await page.getByRole('button', { name: /^Set the limit/ }).click()
  const refusal = page.getByRole('dialog').getByRole('alert')
  await refusal.getByText(/The field "limit" must be .*1000000/).waitFor()
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Set the limit to 9999999999')
  expect(await stateOf(url, 'reports')).toMatchObject({ limit: 2 })
})

test('a lease is taken back: its holder learns of it, and the next gets the permit', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  const asked = { url, name: 'reports', limit: 1, ttlMs: 6_000 }
  const stuck = await holding({ ...asked, holder: 'stuck' })
  const next = new Holder({ ...asked, holder: 'next' })
  await page.getByRole('region', { name: 'Queue' }).getByRole('rowheader', { name: 'next' }).waitFor()

  const takeBack = page.getByRole('button', { name: /^Take back … the lease of stuck, fence \d+$/ })
  await takeBack.click()
  const dialog = page.getByRole('dialog', { name: 'Take back a lease of reports' })
  await dialog.getByText(/^stuck loses its permit at once/).waitFor()
  await dialog.getByText('The permits go to the first in the queue this moment.').waitFor()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await dialog.waitFor({ state: 'detached' })
  await takeBack.click()
  await dialog.getByRole('button', { name: 'Take it back' }).click()
  await page.getByText('1 permit of reports came back from stuck.').waitFor()
  await stuck.says('lost')
  await next.says('holds')
  await page.getByRole('region', { name: 'Holders' }).getByRole('rowheader', { name: 'next' }).waitFor()
})

test('a semaphore in use is removed only when its leases are given up in so many words', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await holding({ url, name: 'reports', holder: 'one', ttlMs: 60_000 })
  await page.getByRole('region', { name: 'Holders' }).getByRole('rowheader', { name: 'one' }).waitFor()
  await page.getByRole('button', { name: 'Remove' }).click()
  const dialog = page.getByRole('dialog', { name: 'Remove reports' })
  await dialog.getByText(/1 permit is in use\. Their leases become void/).waitFor()
  expect(await dialog.getByRole('button', { name: 'Remove it' }).isDisabled()).toBe(true)
  await dialog.getByLabel('Make the leases of those who hold void').check()
  await dialog.getByRole('button', { name: 'Remove it and void the leases' }).click()
  await page.getByText('reports is removed.').waitFor()
  await page.getByText('There is no semaphore of this name now').waitFor()
  expect(await stateOf(url, 'reports')).toMatchObject({ code: 'SEMAPHORE_NOT_FOUND' })
})

test('an answer that comes after its dialog was left does not close the next', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await holding({ url, name: 'reports', holder: 'stuck', ttlMs: 60_000 })
  let goOn = (): void => undefined
  const isLeft = new Promise<void>((resolve) => (goOn = resolve))
  await page.route('**/leases/*', async (route) => {
    await isLeft
    await route.continue()
  })
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByRole('button', { name: 'Take it back' }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Resize' }).click()
  const next = page.getByRole('dialog', { name: 'Resize reports' })
  await next.waitFor()
  goOn()
  await page.getByText('1 permit of reports came back from stuck.').waitFor()
  expect(await next.count()).toBe(1)
})

test('a dialog about a semaphore that somebody else removes is gone, and stays gone when there is one again', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await put(url, 'reports', 2)
  await page.getByRole('button', { name: 'Remove' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  await fetch(`${url}/v1/semaphores/reports`, { method: 'DELETE' })
  await page.getByText('There is no semaphore of this name now').waitFor()
  await eventually(() => page.evaluate('document.activeElement.localName')).toBe('h1')
  await put(url, 'reports', 3)
  await page.getByText('0 of 3 in use').first().waitFor()
  expect(await dialog.count()).toBe(0)
})

test('a lease that is granted while somebody confirms the removal is not made void', async () => {
  const { page, url } = await openDashboard({ place: '#/semaphores/reports' })
  await put(url, 'reports', 1)
  await page.route('**/v1/semaphores/reports?force=false', async (route) => {
    await holding({ url, name: 'reports', holder: 'just in time' })
    await route.continue()
  })
  await page.getByRole('button', { name: 'Remove' }).click()
  const dialog = page.getByRole('dialog', { name: 'Remove reports' })
  await dialog.getByText('Nobody holds a permit.').waitFor()
  await dialog.getByRole('button', { name: 'Remove it' }).click()
  await dialog.getByRole('alert').getByText('Semaphore "reports" has 1 permits in use').waitFor()
  expect(await stateOf(url, 'reports')).toMatchObject({ used: 1 })
})

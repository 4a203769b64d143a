import { expect } from 'vitest'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

const numbered = (index: number) => `job-${String(index).padStart(3, '0')}`

test('who comes back from a semaphore is where they were: what they searched, the order, the place', async () => {
  const { page, url } = await openDashboard({ height: 400 })
  for (let index = 0; index < 150; index += 1) await put(url, numbered(index), 5)
  await page.getByText('All 150').waitFor()
  await page.getByLabel('Search names').fill('JOB')
  await page.getByRole('button', { name: /^Free/ }).click()
  await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click()
  await page.getByText('150 of 150 semaphores').waitFor()
  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  const last = rowOf(page, numbered(149))
  await last.waitFor()
  const scrolledPx = await page.evaluate('scrollY')
  expect(scrolledPx).toBeGreaterThan(5_000)

  const goBacks = [() => page.getByRole('link', { name: 'All semaphores' }).click(), () => page.goBack()]
  for (const goBack of goBacks) {
    await last.getByRole('link').click()
    await page.getByRole('region', { name: 'Queue' }).waitFor()
    expect(await page.evaluate('scrollY')).toBe(0)
    await goBack()
    await last.waitFor()
    await eventually(() => page.evaluate('scrollY')).toBe(scrolledPx)
    expect(await page.getByLabel('Search names').inputValue()).toBe('JOB')
    expect(await page.locator('[aria-pressed=true]').textContent()).toBe('Free 150')
    expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('ascending')
  }
})

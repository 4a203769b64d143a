import { expect } from 'vitest'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { holding } from './holders.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

const numbered = (index: number) => `job-${String(index).padStart(4, '0')}`

async function putMany(url: string, count: number) {
  for (let from = 0; from < count; from += 37) {
    await Promise.all(Array.from({ length: 37 }, (_, index) => put(url, numbered(from + index), 5)))
  }
}

test('of a thousand semaphores only those on the screen are rendered, and all are reached', async () => {
  const { page, url } = await openDashboard()
  await putMany(url, 999)
  await page.getByText('All 999').waitFor()
  const table = page.getByRole('table')
  expect(await table.getAttribute('aria-rowcount')).toBe('1000')
  await rowOf(page, numbered(0)).waitFor()
  expect(await page.getByRole('row').count()).toBeLessThan(80)

  await page.evaluate('scrollTo(0, document.body.scrollHeight)')
  const last = rowOf(page, numbered(998))
  await last.waitFor()
  expect(await last.getAttribute('aria-rowindex')).toBe('1000')
  expect(await page.getByRole('row').count()).toBeLessThan(80)
  // One that is added in front pushes nothing off the end.
  await put(url, 'a-first', 5)
  await page.getByText('All 1000').waitFor()
  await last.waitFor()

  await page.getByLabel('Search names').fill('JOB-050')
  await rowOf(page, numbered(500)).waitFor()
  expect(await page.getByRole('link', { name: 'job-' }).count()).toBe(10)
  await page.getByText('10 of 1000 semaphores').waitFor()
})

test('rows are sorted by any column, and chosen by what they show', async () => {
  const { page, url } = await openDashboard()
  await put(url, 'a', 4)
  await put(url, 'b', 2)
  await put(url, 'c', 9)
  await holding({ url, name: 'a', limit: 4, holder: 'x' })
  await holding({ url, name: 'b', limit: 2, holder: 'x', permits: 2 })
  await rowOf(page, 'b').getByText('Full').waitFor()
  const names = () => page.getByRole('rowheader').allTextContents()
  await eventually(names).toEqual(['b', 'a', 'c'])
  const sortBy = (title: string) => page.getByRole('columnheader', { name: title }).getByRole('button').press('Enter')
  await sortBy('Name')
  await eventually(names).toEqual(['a', 'b', 'c'])
  await sortBy('Name')
  await eventually(names).toEqual(['c', 'b', 'a'])
  expect(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort')).toBe('descending')
  await sortBy('In use')
  await eventually(names).toEqual(['b', 'a', 'c'])
  await page.getByRole('button', { name: 'Full 1' }).click()
  await eventually(names).toEqual(['b'])
})

test('a row stays under the pointer and the focus, whatever the others do', async () => {
  const { page, url } = await openDashboard()
  for (const name of ['a', 'b', 'c']) await put(url, name, 1)
  const names = () => page.getByRole('rowheader').allTextContents()
  await eventually(names).toEqual(['a', 'b', 'c'])
  const link = rowOf(page, 'a').getByRole('link')
  await link.focus()
  await holding({ url, name: 'c', holder: 'x' })
  await rowOf(page, 'c').getByText('Full').waitFor()
  expect(await names()).toEqual(['a', 'b', 'c'])
  await page.getByLabel('Search names').focus()
  await eventually(names).toEqual(['c', 'a', 'b'])
})

test('more semaphores than the service tells of can be narrowed by how their names begin', async () => {
  const { page, url } = await openDashboard({ env: { SIGNALBOX_EVENT_SEMAPHORES_MAX: '3' } })
  for (const name of ['a:1', 'a:2', 'b:1', 'b:2']) await put(url, name, 1)
  await page.getByText('There are more semaphores than are shown here').waitFor()
  await page.getByRole('definition').getByText('3+', { exact: true }).waitFor()
  // Which three are shown is the store's choice.
  await page.getByLabel('Search names').fill('c:')
  await page.getByText('None of those shown here is like that.').waitFor()
  await page.getByLabel('Search names').fill('')
  await page.getByLabel('Names begin with').fill('b:')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await eventually(() => page.getByRole('rowheader').allTextContents()).toEqual(['b:1', 'b:2'])
  await page.getByRole('definition').getByText('2', { exact: true }).waitFor()
})

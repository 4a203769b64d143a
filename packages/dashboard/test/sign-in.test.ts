import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeApiKey } from '@signalbox/semaphore-service'
import type { Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { test } from './browser-test.js'
import { eventually } from './eventually.js'
import { openDashboard, put, rowOf } from './open-dashboard.js'

const operator = makeApiKey({ name: 'ops', scopes: ['inspect', 'admin'], prefix: '' })
const reader = makeApiKey({ name: 'wallboard', scopes: ['inspect'], prefix: 'billing:' })
const worker = makeApiKey({ name: 'worker', scopes: ['acquire'], prefix: '' })
const SIGNALBOX_API_KEYS = [operator, reader, worker].map(({ line }) => line).join(';')
const asOperator = { authorization: `Bearer ${operator.key}` }

async function signIn(page: Page, key: string) {
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

test('a key that is not known, or may not look, is refused in the words of the service', async () => {
  const { page } = await openDashboard({ env: { SIGNALBOX_API_KEYS } })
  const refusal = page.getByRole('alert')
  await page.getByLabel('API key').waitFor()
  expect(await refusal.textContent()).toBe('')
  await signIn(page, 'sbx_wrong')
  await refusal.getByText('The request needs an API key that this service knows').waitFor()
  await eventually(() => page.getByLabel('API key').evaluate('document.activeElement?.id')).toBe('key')
  await signIn(page, worker.key)
  await refusal.getByText('This API key has no scope "inspect"').waitFor()
  await signIn(page, operator.key)
  await page.getByText('Key ops').waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API key').waitFor()
})

test('a service that does not answer at first is asked again, and nobody is asked for a key that none has', async () => {
  const { page, url } = await openDashboard()
  const detail = 'This replica is stopping.'
  await page.route('**/v1/access', (route) => route.fulfill({ status: 503, body: JSON.stringify({ detail }) }))
  await page.goto(`${url}/?again`)
  await page.getByText(`${detail} Asking the service …`).waitFor()
  expect(await page.getByLabel('API key').count()).toBe(0)
  await page.unroute('**/v1/access')
  await page.getByText('No keys: everyone here may do everything').waitFor()
})

test('the key is in no storage, no cookie and no address, and a reload forgets it', async () => {
  const { page, url, requests } = await openDashboard({ env: { SIGNALBOX_API_KEYS } })
  await put(url, 'reports', 2, asOperator)
  await signIn(page, operator.key)
  await rowOf(page, 'reports').getByRole('link').click()
  await page.getByRole('heading', { name: 'reports' }).waitFor()
  const kept = await page.evaluate(
    'JSON.stringify([localStorage, sessionStorage, document.cookie, history.state, location.href])',
  )
  expect(kept).not.toContain('sbx_')
  expect(await page.evaluate('indexedDB.databases().then((all) => all.length)')).toBe(0)
  expect(requests.filter((address) => address.includes('sbx_'))).toEqual([])
  await page.reload()
  await page.getByLabel('API key').waitFor()
})

test('a key that may only look is offered no action, and sees its own names alone', async () => {
  const { page, url } = await openDashboard({ env: { SIGNALBOX_API_KEYS } })
  await put(url, 'billing:invoices', 2, asOperator)
  await put(url, 'mail:out', 2, asOperator)
  await signIn(page, reader.key)
  await rowOf(page, 'billing:invoices').getByText('0 of 2').waitFor()
  expect(await rowOf(page, 'mail:out').count()).toBe(0)
  await rowOf(page, 'billing:invoices').getByRole('link').click()
  await page.getByText('0 of 2 in use').first().waitFor()
  expect(await page.getByRole('button').allTextContents()).toEqual(['Sign out'])
  await page.goto(`${url}/#/semaphores/mail:out`)
  await page.getByText('The API key is for names with another prefix.').waitFor()
  await page.getByText('Key wallboard').waitFor()
})

test('a key that is withdrawn has to be given anew', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-keys-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'keys')
  writeFileSync(file, `${operator.line}\n${reader.line}\n`)
  const { page } = await openDashboard({ env: { SIGNALBOX_API_KEYS_FILE: file } })
  await signIn(page, operator.key)
  await page.getByText('Live', { exact: true }).waitFor()
  writeFileSync(`${file}.new`, `${reader.line}\n`)
  renameSync(`${file}.new`, file)
  await page.getByRole('alert').getByText('The request needs an API key that this service knows').waitFor()
})

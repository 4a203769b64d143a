import { describe, expect, it } from 'vitest'
import { openService } from './open-service.js'

const insecure = { settings: { insecure: true } }

async function page(headers: Record<string, string>): Promise<string> {
  const { call } = openService(insecure)
  const response = await call('GET', '/quick-start', undefined, headers)
  expect(response.statusCode).toBe(200)
  return response.payload
}

describe('the quick start', () => {
  it.each(['signalbox.example', 'signalbox.internal:7600', '10.0.0.7:8080', '[::1]:7600', 'localhost'])(
    'says the URL by which its reader came: %s',
    async (host) => {
      const text = await page({ host })
      expect(text).toContain(`export SIGNALBOX_URL=http://${host}\n`)
      expect(text).toContain(`live at http://${host}/.`)
      expect(text).not.toContain('127.0.0.1')
    },
  )

  it.each([
    'evil.example;id',
    '$(id)',
    '`id`',
    'a b',
    "x'",
    '"',
    '<b>',
    'x/y',
    'u@h',
    'x:y',
    '-rf',
    '[x]',
    'a'.repeat(300),
  ])('lets nothing into its lines that is not the plain name of a host: %s', async (host) => {
    expect(await page({ host })).toContain('export SIGNALBOX_URL=http://127.0.0.1:7600\n')
  })

  it('says https where the reader came by TLS', async () => {
    const host = 'signalbox.example'
    expect(await page({ host, 'x-forwarded-proto': 'https' })).toContain(`SIGNALBOX_URL=https://${host}\n`)
    expect(await page({ host, 'x-forwarded-proto': 'javascript' })).toContain(`SIGNALBOX_URL=http://${host}\n`)
  })

  it('is plain text, whatever is in it, and has no link that leads nowhere from here', async () => {
    const { call } = openService(insecure)
    const { headers, payload } = await call('GET', '/quick-start')
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    expect(payload).not.toMatch(/\]\(/)
    expect(payload).toContain('All of the SDK (packages/client/README.md)')
  })

  it('is for this machine alone where everything is', async () => {
    const { call } = openService()
    expect((await call('GET', '/quick-start', undefined, { host: 'rebound.example' })).statusCode).toBe(403)
  })
})

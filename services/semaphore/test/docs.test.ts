import { errorTable } from '@signalbox/protocol'
import { expect, test } from 'vitest'
import { everyRoute } from './every-route.js'
import { openService } from './open-service.js'
import { code, heading, table, text } from '../src/reference/block.js'
import { htmlPage } from '../src/reference/html.js'
import { markdownPage } from '../src/reference/markdown.js'

test('every route is described at /docs, for browsers and for a terminal, and nothing in the page runs', async () => {
  const { call } = openService()
  const page = await call('GET', '/docs', undefined, { accept: 'text/html,*/*' })
  const plain = await call('GET', '/docs', undefined, { accept: '*/*' })
  expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  expect([plain.statusCode, plain.headers['content-type']]).toEqual([200, 'text/markdown; charset=utf-8'])
  for (const { method, path } of everyRoute) {
    expect(page.payload).toContain(`>${method} ${path}</h2>`)
    expect(plain.payload).toContain(`\n## ${method} ${path}\n`)
  }
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/)
  expect(page.payload).not.toMatch(/<script|undefined|\[object/)
})

test('every error code is there with what to do about it, in whole sentences that say more than its title', async () => {
  const { payload } = await openService().call('GET', '/docs', undefined, { accept: '*/*' })
  for (const [code, { status, title, remedy }] of Object.entries(errorTable)) {
    expect(remedy).toMatch(/^[A-Z].+\.$/)
    expect(remedy).not.toContain(title)
    expect(payload).toContain(`| \`${code}\` | ${status} | ${title} | ${remedy} |`)
  }
})

test('what a page says is text, whatever is in it', () => {
  const blocks = [heading(1, 'a < b'), text('`<b>` & "c"'), table(['x|y'], [['`1|2`']]), code('</pre>')]
  const html = htmlPage('<title>', blocks)
  expect(html).toContain('<title>&lt;title&gt;</title>')
  expect(html).toContain('<p><code>&lt;b&gt;</code> &amp; &quot;c&quot;</p>')
  expect(html).toContain('<pre>&lt;/pre&gt;</pre>')
  expect(markdownPage(blocks)).toContain('| x\\|y |\n| --- |\n| `1\\|2` |')
})

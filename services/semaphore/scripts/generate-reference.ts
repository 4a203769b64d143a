/**
 * Writes the reference from the source: docs/reference/http.md and errors.md, and the table of variables in docs/operations.md. `--check` only
 * compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createEngine, createMemoryStore } from '@signalbox/engine'
import { buildApp } from '../src/app.js'
import { heading, text } from '../src/reference/block.js'
import { errorCodes } from '../src/reference/error-codes.js'
import { markdownPage } from '../src/reference/markdown.js'
import { variableTable } from '../src/variables.js'

const generatedBy = '<!-- Generated from the source (npm run generate -w services/semaphore): do not edit. -->\n\n'
const checks = process.argv.includes('--check')

function put(path: string, content: string): void {
  const file = fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url))
  if (!checks) writeFileSync(file, content)
  else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`docs/${path} is out of date: npm run generate -w services/semaphore\n`)
    process.exitCode = 1
  }
}

/** As the running service shows it at /docs. */
async function httpPage(): Promise<string> {
  const store = createMemoryStore()
  const engine = createEngine({ store })
  const app = buildApp({ engine })
  const { statusCode, payload } = await app.inject({
    url: '/docs',
    headers: { host: 'localhost', accept: 'text/markdown' },
  })
  if (statusCode !== 200) throw new Error(payload)
  await app.close()
  await engine.close()
  await store.close()
  return payload
}

function errorsPage(): string {
  return markdownPage([
    heading(1, 'Error codes'),
    text(
      'Every code that leaves the service, as `code` of a problem document. Those for which the same call may succeed later carry `Retry-After`. Which call answers with which: [HTTP](http.md).',
    ),
    errorCodes(),
    text(
      'The SDK does some of this by itself. `tryAcquire` returns null in place of `PERMITS_UNAVAILABLE`. `STILL_WAITING` is never shown. A call whose repetition may help is repeated before its error is shown. The SDK has codes of its own: `UNREACHABLE`, `UNEXPECTED_REPLY`, `CLIENT_CLOSED`, `INVALID_VALUE` ([the README](../../packages/client/README.md#errors)).',
    ),
  ])
}

/** The page as it is, with the rows of its table of variables made anew. */
function withVariables(page: string): string {
  const rows = variableTable().map(
    ({ name, defaultText, description, may }) => `| \`${name}\` | ${defaultText} | ${description} | ${may} |`,
  )
  const head = '| variable | default | meaning | may be |\n|---|---|---|---|\n'
  const at = page.indexOf(head)
  if (at === -1) throw new Error('docs/operations.md has no table of variables')
  const end = page.indexOf('\n\n', at)
  return `${page.slice(0, at)}${head}${rows.join('\n')}${page.slice(end)}`
}

put('reference/http.md', `${generatedBy}${await httpPage()}`)
put('reference/errors.md', `${generatedBy}${errorsPage()}`)
const operations = fileURLToPath(new URL('../../../docs/operations.md', import.meta.url))
put('operations.md', withVariables(readFileSync(operations, 'utf8')))

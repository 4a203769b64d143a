import { parseArgs } from 'node:util'
import { scopes } from '@signalbox/protocol'
import { isScope, makeApiKey } from './api-keys.js'

const usage = `Usage: npm run keygen -- --scope ${scopes.join('|')} [--scope …] [--prefix billing:] [--name ci]`

try {
  const { values } = parseArgs({
    options: {
      scope: { type: 'string', multiple: true, default: [] },
      prefix: { type: 'string', default: '' },
      name: { type: 'string', default: `key-${new Date().toISOString().slice(0, 10)}` },
    },
  })
  const asked = values.scope.flatMap((words) => words.split(','))
  const unknown = asked.filter((word) => !isScope(word))
  if (unknown.length > 0) throw new Error(`scope is one of ${scopes.join(', ')}, not "${unknown.join(',')}"`)
  const { key, line } = makeApiKey({ name: values.name, scopes: asked.filter(isScope), prefix: values.prefix })
  process.stdout.write(`The key, shown this once:

  ${key}

The line to store, in SIGNALBOX_API_KEYS or in the file that SIGNALBOX_API_KEYS_FILE names:

  ${line}
`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`)
  process.exitCode = 1
}

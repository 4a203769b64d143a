/**
 * Writes src/wire.gen.ts from @signalbox/protocol. The SDK is installed alone, so neither its code nor its .d.ts may import the
 * protocol package (nor zod); copying the shapes by hand would let them drift. `--check` only compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  acquireReply,
  batchCallsMax,
  defaultLimits,
  errorTable,
  leaseReply,
  longPoll,
  releaseReply,
  requestSchemas,
  semaphoreName,
  semaphoreReply,
} from '@signalbox/protocol'
import { z } from 'zod'

type Schema = z.core.JSONSchema.BaseSchema

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return literal(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ')
  if (schema.anyOf !== undefined) return schema.anyOf.map((option) => typeOf(option)).join(' | ')
  const { type } = schema
  if (type === 'string' || type === 'boolean' || type === 'null') return type
  if (type === 'integer' || type === 'number') return 'number'
  if (type === 'array') return `(${typeOf(itemsOf(schema))})[]`
  if (type === 'object') return `{ ${membersOf(schema).join('; ')} }`
  throw new Error(`No TypeScript for ${JSON.stringify(schema)}`)
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
}

function itemsOf(schema: Schema): Schema {
  if (typeof schema.items !== 'object' || Array.isArray(schema.items)) throw new Error('An array needs one item schema')
  return schema.items
}

function membersOf(schema: Schema): string[] {
  return Object.entries(schema.properties ?? {}).map(([name, member]) => {
    if (typeof member === 'boolean') throw new Error(`${name} has no type`)
    return schema.required?.includes(name) === true
      ? `${name}: ${typeOf(member)}`
      : `${name}?: ${typeOf(member)} | undefined`
  })
}

function declaration(name: string, doc: string, type: z.ZodType, io: 'input' | 'output'): string {
  const schema = z.toJSONSchema(type, { io })
  return `/** ${doc} */\nexport interface ${name} {\n${membersOf(schema)
    .map((member) => `  ${member}`)
    .join('\n')}\n}`
}

function patternOf(type: z.ZodType): string {
  const { pattern } = z.toJSONSchema(type)
  if (pattern === undefined) throw new Error('No pattern')
  return new RegExp(pattern).toString()
}

function wireText(version: string): string {
  const requests = requestSchemas(defaultLimits)
  const rows = Object.entries(errorTable).map(
    ([code, row]) => `  ${code}: { status: ${row.status}, retryable: ${row.retryable}, sdk: '${row.sdk}' },`,
  )
  return `${[
    '// Written by scripts/generate-wire.ts from @signalbox/protocol. Do not edit: run `npm run generate`.',
    `export const sdkVersion = ${literal(version)}`,
    `export const semaphoreNamePattern = ${patternOf(semaphoreName)}`,
    `export const holderLengthMax = ${defaultLimits.holderLengthMax}`,
    `/** Most calls of one batch. */\nexport const batchCallsMax = ${batchCallsMax}`,
    `/** The longest that a service holds a request open, ms. */\nexport const capMsMax = ${longPoll.capMsMax}`,
    `/** What each request of a longer wait asks for, ms: more than the cap, so that the cap ends it and the place is kept. */\nexport const sliceMs = ${longPoll.sliceMs}`,
    `/** Status, whether a retry helps, and the SDK's class, of every code the service answers with. */\nexport const errorTable = {\n${rows.join('\n')}\n} as const`,
    '/** A code of the error table. */\nexport type ServiceErrorCode = keyof typeof errorTable',
    declaration('AcquireBody', 'Body of an acquire.', requests.acquire, 'input'),
    declaration('ReleaseBody', 'Body of a release.', requests.release, 'input'),
    declaration('RenewBody', 'Body of a renew.', requests.renew, 'input'),
    declaration('AddPermitsBody', 'Body of a growing release.', requests.addPermits, 'input'),
    declaration('ConfigureBody', 'Body of a PUT.', requests.configure, 'input'),
    declaration('LeaseReply', 'What a renew answers.', leaseReply, 'output'),
    declaration('AcquireReply', 'What an acquire answers when the lease is held.', acquireReply, 'output'),
    declaration('ReleaseReply', 'What a release answers.', releaseReply, 'output'),
    declaration(
      'SemaphoreReply',
      'One semaphore as the service sees it: `used` permits are held, `waiting` callers queue, the head of the queue for `oldestWaitMs`.',
      semaphoreReply,
      'output',
    ),
  ].join('\n\n')}\n`
}

const target = fileURLToPath(new URL('../src/wire.gen.ts', import.meta.url))
const manifest = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')))
const wanted = wireText(manifest.version)
if (!process.argv.includes('--check')) {
  writeFileSync(target, wanted)
} else if (readFileSync(target, 'utf8') !== wanted) {
  process.stderr.write(
    'packages/client/src/wire.gen.ts is out of date: npm run generate --workspace @signalbox/client\n',
  )
  process.exitCode = 1
}

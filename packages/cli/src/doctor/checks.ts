import { durationText } from '../duration.js'
import { exitCodes, Failure, type ExitCode } from '../exit-codes.js'
import type { Http } from '../http.js'
import { isRecord } from '../record.js'

export interface Check {
  readonly what: string
  readonly verdict: 'ok' | 'warning' | 'failure' | 'unknown'
  readonly found: string
  /** What to do about it. */
  readonly fix?: string
  /** What `doctor` ends with because of it. */
  readonly exitCode: ExitCode
}

const roundTrips = 5
const slowMs = 100
const lateS = 0.1

function check(what: string, verdict: Check['verdict'], found: string, fix?: string): Check {
  const exitCode = verdict === 'warning' ? exitCodes.misconfigured : exitCodes.ok
  return { what, verdict, found, exitCode, ...(fix === undefined ? {} : { fix }) }
}

function failed(what: string, error: unknown, fix: string): Check {
  if (!(error instanceof Failure)) throw error
  return { what, verdict: 'failure', found: error.message, fix, exitCode: error.exitCode }
}

async function medianMs(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  // The first opens the connection.
  await call()
  for (let i = 0; i < roundTrips; i++) {
    const startedAtMs = performance.now()
    await call()
    times.push(performance.now() - startedAtMs)
  }
  return times.sort((a, b) => a - b)[Math.floor(roundTrips / 2)] ?? 0
}

function latencyText(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : durationText(ms)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown'
}

export async function checkService(http: Http): Promise<Check> {
  try {
    const ms = await medianMs(() => http.ask('GET', '/healthz'))
    const found = `${http.url} answers in ${latencyText(ms)}`
    if (ms <= slowMs) return check('service', 'ok', found)
    return check(
      'service',
      'warning',
      found,
      'Each grant and each release takes as long: run a replica nearer to its callers.',
    )
  } catch (error) {
    return failed('service', error, 'Is SIGNALBOX_URL (or --url) right, and does the service run there?')
  }
}

export async function checkStore(http: Http): Promise<Check> {
  try {
    const ready = await http.ask('GET', '/readyz')
    const store = isRecord(ready) ? text(ready['store']) : ''
    if (isRecord(ready) && ready['status'] === 'recovering') {
      const left = durationText(Number(ready['recoversInMs']))
      return check(
        'store',
        'warning',
        `${store} lost its data; nothing is granted for ${left}`,
        'Why did it restart empty? See the warnings below.',
      )
    }
    if (store === 'memory') {
      return check(
        'store',
        'warning',
        'memory: all leases are forgotten at a restart, and there can be no second replica',
        'Set REDIS_URL, or put a redis-server on the PATH of the service.',
      )
    }
    const both =
      (await medianMs(() => http.ask('GET', '/readyz'))) - (await medianMs(() => http.ask('GET', '/healthz')))
    return check('store', 'ok', `${store}, about ${latencyText(Math.max(0, both))} from the service`)
  } catch (error) {
    return failed('store', error, 'The service runs but does not reach its Redis: look at REDIS_URL, and at its log.')
  }
}

const uses = { acquire: 'run', inspect: 'ls, show, watch and the rest of this', admin: 'set, release and rm' }

export async function checkKey(http: Http): Promise<Check> {
  try {
    const access = await http.ask('GET', '/v1/access')
    const scopes: unknown = isRecord(access) ? access['scopes'] : undefined
    if (!isRecord(access) || !Array.isArray(scopes))
      throw new Failure('/v1/access is not what a Signalbox service says', exitCodes.unexpectedReply)
    if (access['key'] === null) {
      const found = 'none is asked for: whoever reaches the service may do everything'
      const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(http.url).hostname)
      return isLocal
        ? check('key', 'ok', found)
        : check('key', 'warning', found, 'Make keys (signalbox keygen) and set SIGNALBOX_API_KEYS at the service.')
    }
    const name = text(access['key'])
    const prefix = access['prefix'] === '' ? '' : `, for names that begin with ${text(access['prefix'])}`
    const missing = Object.entries(uses).filter(([scope]) => !scopes.includes(scope))
    const cannot = missing.map(([scope, use]) => `no ${scope}: not ${use}`).join('; ')
    return check('key', 'ok', `${name} may ${scopes.join(', ')}${prefix}${cannot === '' ? '' : ` (${cannot})`}`)
  } catch (error) {
    return failed('key', error, 'Set SIGNALBOX_API_KEY to a key whose line is in SIGNALBOX_API_KEYS of the service.')
  }
}

/** By the kinds of `signalbox_store_warnings`. */
const storeFixes = new Map([
  [
    'eviction',
    ['Redis may evict semaphores that are in use', 'CONFIG SET maxmemory-policy noeviction, and in its file.'],
  ],
  ['persistence', ['a restart of Redis forgets every lease', 'CONFIG SET appendonly yes, and in its file.']],
  ['cluster_node', ['it is one node of a cluster, taken for all of it', 'Name it as redis-cluster:// in REDIS_URL.']],
  [
    'min_replicas',
    [
      'a primary that is cut off goes on granting while another takes its place',
      'CONFIG SET min-replicas-to-write 1, and in its file.',
    ],
  ],
  [
    'few_replicas',
    [
      'fewer Redis replicas are attached than must have each lease: acquires are 503',
      'Attach more, or lower SIGNALBOX_WAIT_REPLICAS.',
    ],
  ],
])

/** The series of one metric: the label's value, and what was counted. */
function seriesOf(text: string, name: string): (readonly [label: string, value: number])[] {
  const lines = text.matchAll(new RegExp(`^${name}\\{\\w+="([^"]*)"\\} (\\S+)$`, 'gm'))
  return [...lines].map(([, label = '', value]) => [label, Number(value)])
}

/** What the metrics say of the store's settings, and of the replica that answered. */
export async function checkMetrics(http: Http): Promise<Check[]> {
  let metrics: string
  try {
    metrics = (await http.text('GET', '/metrics')).text
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode !== exitCodes.noPermission)
      return [failed('settings', error, 'Look at the log of the service.')]
    return [check('settings', 'unknown', 'only a key with the scope inspect is told')]
  }
  const warnings = seriesOf(metrics, 'signalbox_store_warnings')
  const bad = warnings.filter(([, servers]) => servers > 0)
  const wrong = bad.map(([kind]) => {
    const [found = kind, fix = 'See the log of the service.'] = storeFixes.get(kind) ?? []
    return check('settings', 'warning', found, fix)
  })
  if (warnings.length > 0 && bad.length === 0)
    wrong.push(check('settings', 'ok', 'the store keeps what it is told, as far as it lets itself be asked'))
  const late = new Map(seriesOf(metrics, 'signalbox_event_loop_delay_seconds')).get('0.99')
  if (late === undefined) return wrong
  const found = `the replica that answered is at most ${latencyText(late * 1_000)} late, 99 times of 100`
  return [
    ...wrong,
    late > lateS ? check('load', 'warning', found, 'It is out of CPU: add a replica.') : check('load', 'ok', found),
  ]
}

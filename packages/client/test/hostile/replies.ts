import { errorTable } from '@signalbox/protocol'
import fc from 'fast-check'
import type { FetchRequest } from '../../src/index.js'

/** A reply as somebody might give it who means no good, or knows no better. */
export interface HostileReply {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Body
  readonly delivery: 'whole' | 'cut' | 'stalled' | 'silent' | 'refused'
}

type Body =
  /** What the service would say, with some members replaced (or, for undefined, left out). */
  | { readonly kind: 'lease' | 'released' | 'semaphore'; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly kind: 'problem'; readonly members: Readonly<Record<string, unknown>> }
  | { readonly kind: 'text'; readonly text: string }

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    '',
    '1',
    '9007199254740993',
    -1,
    0,
    0.5,
    1e21,
    2 ** 53,
    [],
    {},
    'NaN',
    -0,
    1e9,
    7,
  ),
  fc.jsonValue({ maxDepth: 1 }),
)

function changesOf(...names: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const some = fc.dictionary(fc.constantFrom(...names, '__proto__', 'toJSON'), odd, {
    maxKeys: 2,
    noNullPrototype: true,
  })
  return fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, { weight: 3, arbitrary: some })
}

const codes = Object.keys(errorTable)
const text = fc.oneof(
  fc.constantFrom(
    '',
    'null',
    '[]',
    '0',
    '"held"',
    'NaN',
    '{"state":"held"',
    '<!doctype html><h1>502 Bad Gateway</h1>',
    '\ufeff{}',
    '{}{}',
  ),
  fc.constant(`"${'x'.repeat(4_500_000)}"`),
  fc.string(),
  fc.json({ maxDepth: 2 }),
)

const bodies: fc.Arbitrary<Body> = fc.oneof(
  {
    weight: 4,
    arbitrary: changesOf(
      'state',
      'leaseId',
      'semaphore',
      'permits',
      'fence',
      'ttlMs',
      'expiresInMs',
      'waitedMs',
      'expiresAt',
      'limitMismatch',
    ).map((changes): Body => ({ kind: 'lease', changes })),
  },
  {
    weight: 2,
    arbitrary: changesOf('state', 'leaseId', 'permits').map((changes): Body => ({ kind: 'released', changes })),
  },
  {
    weight: 2,
    arbitrary: changesOf(
      'name',
      'limit',
      'bounded',
      'used',
      'available',
      'waiting',
      'oldestWaitMs',
      'items',
      'nextCursor',
    ).map((changes): Body => ({ kind: 'semaphore', changes })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        code: fc.oneof(fc.constantFrom(...codes, 'toString', '__proto__', 'BRAND_NEW'), odd),
        more: changesOf('detail', 'retryAfterMs', 'errors', 'requestId'),
      })
      .map(({ code, more }): Body => ({ kind: 'problem', members: { detail: 'x', ...more, code } })),
  },
  { weight: 2, arbitrary: text.map((one): Body => ({ kind: 'text', text: one })) },
)

const statuses = fc.oneof(
  { weight: 4, arbitrary: fc.constant(200) },
  { weight: 3, arbitrary: fc.constantFrom(...Object.values(errorTable).map(({ status }) => status)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      0,
      100,
      101,
      199,
      201,
      202,
      203,
      204,
      206,
      226,
      299,
      301,
      302,
      304,
      307,
      418,
      451,
      502,
      504,
      599,
      600,
      999,
      -1,
      NaN,
    ),
  },
)

const headers = fc.array(
  fc.oneof(
    fc
      .constantFrom('0', '1', '-1', '1e3', 'x', '999999999999', 'Wed, 21 Oct 2099 07:28:00 GMT')
      .map((value) => ['retry-after', value] as const),
    fc.constantFrom(
      ['content-type', 'text/html'] as const,
      ['content-type', ''] as const,
      ['location', 'http://elsewhere/'] as const,
      ['x-request-id', 'r\u0000'] as const,
    ),
  ),
  { maxLength: 2 },
)

const deliveries = fc.oneof(
  { weight: 12, arbitrary: fc.constant('whole' as const) },
  { weight: 1, arbitrary: fc.constantFrom('cut' as const, 'stalled' as const, 'silent' as const, 'refused' as const) },
)

export const replies: fc.Arbitrary<HostileReply> = fc
  .record({ status: statuses, headers, body: bodies, delivery: deliveries })
  // A problem with the status of its code in two of three: else its class would hardly ever be seen.
  .chain((reply) => {
    const { body } = reply
    const own =
      body.kind === 'problem'
        ? Object.entries(errorTable).find(([code]) => code === body.members['code'])?.[1].status
        : undefined
    return own === undefined
      ? fc.constant(reply)
      : fc.constantFrom(reply, { ...reply, status: own }, { ...reply, status: own })
  })

function asked(request: FetchRequest): Readonly<Record<string, unknown>> {
  const body: unknown = request.body === undefined ? {} : JSON.parse(request.body)
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

/** What is sent: JSON leaves out what is undefined. */
export function textOf({ body }: HostileReply, request: FetchRequest): string {
  const { leaseId, permits = 1, ttlMs } = asked(request)
  switch (body.kind) {
    case 'text':
      return body.text
    case 'problem':
      return JSON.stringify(body.members)
    case 'lease': {
      const lease = {
        state: 'held',
        leaseId,
        semaphore: 'reports',
        permits,
        fence: 7,
        ttlMs,
        expiresInMs: ttlMs,
        waitedMs: 0,
        expiresAt: '2026-01-01T00:00:00Z',
      }
      return JSON.stringify({ ...lease, ...body.changes })
    }
    case 'released':
      return JSON.stringify({ state: 'released', leaseId, permits, ...body.changes })
    case 'semaphore': {
      const state = { name: 'reports', limit: 2, bounded: false, used: 0, available: 2, waiting: 0, oldestWaitMs: 0 }
      return JSON.stringify({ ...state, items: [state], nextCursor: null, ...body.changes })
    }
  }
}

/** Whether a caller may believe that it holds: by the contract, told once more and otherwise than the SDK tells it. */
export function isLease(request: FetchRequest, reply: HostileReply): boolean {
  if (reply.status !== 200 || reply.delivery !== 'whole' || reply.body.kind === 'problem') return false
  const { leaseId, permits, ttlMs } = asked(request)
  let lease: unknown
  try {
    lease = JSON.parse(textOf(reply, request))
  } catch {
    return false
  }
  if (typeof lease !== 'object' || lease === null) return false
  const told = new Map<string, unknown>(Object.entries(lease))
  const isWhole = (name: string, min: number, max = Number.MAX_SAFE_INTEGER) => {
    const value = told.get(name)
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  }
  // A renewal says no permits, and may find an older ttl that is longer.
  const longestMs = permits === undefined ? 604_800_000 : Number(ttlMs)
  return (
    told.get('state') === 'held' &&
    told.get('leaseId') === leaseId &&
    told.get('semaphore') === 'reports' &&
    (permits === undefined || told.get('permits') === permits) &&
    isWhole('permits', 1) &&
    isWhole('fence', 1) &&
    isWhole('ttlMs', 1, longestMs) &&
    isWhole('expiresInMs', 1, longestMs) &&
    isWhole('waitedMs', 0)
  )
}

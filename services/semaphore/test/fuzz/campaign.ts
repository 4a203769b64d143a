import fc from 'fast-check'
import { KeptConnection, sendRaw } from './connections.js'
import { operationsOf } from './operations.js'
import { rawBytesOf } from './raw-bytes.js'
import { requestsOf } from './requests.js'
import type { Target } from './target.js'
import { bytesOf, shownBytes, type WireAnswer, type WireRequest } from './wire.js'

/** One thing that was wrong, with the smallest request that shows it. */
export interface Finding {
  readonly wrong: string
  readonly sent: string
}

export interface Campaign {
  /** What hears each answer. */
  readonly seen?: (request: WireRequest, answer: WireAnswer) => void
  readonly seed: number
  readonly requests: number
}

const chunk = 1_000
const kept = 32
const rawAtOnce = 64
/** Enough to see what is wrong; the rest would be more of the same. */
const findingsMax = 5

/** Requests on kept connections. Each must be answered, once, as the document says. */
export async function sendRequests(target: Target, { seed, requests, seen }: Campaign): Promise<Finding[]> {
  const connections = Array.from({ length: kept }, () => new KeptConnection(target.port))
  const arbitrary = requestsOf(operationsOf(target.document), target.authorizations)
  const judge = async (request: WireRequest, worker: number): Promise<string | null> => {
    const { answers, rest, isClosed } = await connectionOf(connections, worker).ask(request)
    const [answer] = answers
    if (answer === undefined) return `no answer, but ${JSON.stringify(rest)}`
    // Where the parser gave up it does not know that it was a HEAD, and answers with a body.
    const isHead = request.method === 'HEAD' && isClosed
    if (answers.length > 1 || (rest !== '' && !isHead))
      return `${answers.length} answers to one request, and ${JSON.stringify(rest)}`
    seen?.(request, answer)
    return told(target.verdict(answer, request), answer)
  }
  try {
    return await inChunks(arbitrary, { seed, requests }, kept, judge, bytesOf)
  } finally {
    for (const connection of connections) connection.close()
  }
}

/** Bytes on connections of their own. Whatever they are, each answer must be whole and right, and the connection must end. */
export async function sendBytes(target: Target, { seed, requests }: Campaign): Promise<Finding[]> {
  const arbitrary = rawBytesOf(requestsOf(operationsOf(target.document), target.authorizations))
  const judge = async (bytes: Buffer): Promise<string | null> => {
    const { answers, rest } = await sendRaw(target.port, bytes)
    if (rest !== '') return `half an answer: ${JSON.stringify(rest.slice(0, 200))}`
    for (const answer of answers) {
      const wrong = told(target.verdict(answer, null), answer)
      if (wrong !== null) return wrong
    }
    return null
  }
  return await inChunks(arbitrary, { seed, requests }, rawAtOnce, judge, (bytes) => bytes)
}

async function inChunks<Value>(
  arbitrary: fc.Arbitrary<Value>,
  { seed, requests }: Campaign,
  workers: number,
  judge: (value: Value, worker: number) => Promise<string | null>,
  toBytes: (value: Value) => Buffer,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (let first = 0; first < requests && findings.length < findingsMax; first += chunk) {
    const parameters = { seed: seed + first, numRuns: Math.min(chunk, requests - first) }
    const values = fc.sample(arbitrary, parameters)
    const wrong: { index: number; why: string }[] = []
    let next = 0
    const work = async (worker: number) => {
      for (let index = next++; index < values.length; index = next++) {
        const value = values[index]
        if (value === undefined) return
        const why = await judge(value, worker).catch(String)
        if (why !== null) wrong.push({ index, why })
      }
    }
    await Promise.all(Array.from({ length: workers }, (_none, worker) => work(worker)))
    for (const { index, why } of wrong.slice(0, findingsMax - findings.length)) {
      const value = await smallest(arbitrary, parameters.seed, index, judge)
      const shown = value === null ? '(only then, it passes by itself)' : shownBytes(toBytes(value))
      const original = values[index]
      findings.push({ wrong: why, sent: `${shown} of ${original === undefined ? '' : shownBytes(toBytes(original))}` })
    }
  }
  return findings
}

/** Shrunk for as long as it still fails by itself. */
async function smallest<Value>(
  arbitrary: fc.Arbitrary<Value>,
  seed: number,
  index: number,
  judge: (value: Value, worker: number) => Promise<string | null>,
): Promise<Value | null> {
  const property = fc.asyncProperty(arbitrary, async (value) => {
    const why = await judge(value, 0).catch(String)
    if (why !== null) throw new Error(why)
  })
  const details = await fc.check(property, { seed, path: String(index), numRuns: 1, interruptAfterTimeLimit: 20_000 })
  return details.counterexample === null ? null : details.counterexample[0]
}

function connectionOf(connections: readonly KeptConnection[], worker: number): KeptConnection {
  const connection = connections[worker]
  if (connection === undefined) throw new Error(`no connection ${worker}`)
  return connection
}

function told(wrong: string | null, { status, body }: WireAnswer): string | null {
  return wrong === null ? null : `${wrong}: ${status} ${body.slice(0, 300)}`
}

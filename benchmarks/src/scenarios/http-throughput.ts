import { firstMessage, startChild } from '../child.js'
import { contest } from '../contest.js'
import { figure } from '../figures.js'
import type { Row } from '../figures.js'
import { HttpConnection } from '../http-connection.js'
import { sampleOf } from '../statistics.js'

const connections = 64
const roundMs = 3_000
const rounds = 5
const requests = 'acquire + release over HTTP, 64 connections'

/** Acquire and release over HTTP, beside a Fastify that does nothing with them. */
export async function httpThroughput(serviceUrl: string): Promise<Row[]> {
  const noOp = startChild('no-op-server.ts', [])
  try {
    const noOpUrl = String(await firstMessage(noOp))
    await define(serviceUrl)
    const results = await contest(
      [
        { name: 'no-op', round: () => load(noOpUrl) },
        { name: 'Signalbox', round: () => load(serviceUrl) },
      ],
      rounds,
    )
    const plain = results.get('no-op') ?? []
    const semaphore = results.get('Signalbox') ?? []
    return [
      figure('http_ratio', sampleOf(semaphore.map((rate, round) => rate / (plain[round] ?? NaN)))),
      { id: null, what: requests, who: 'Signalbox', unit: 'requests/s', sample: sampleOf(semaphore) },
      { id: null, what: requests, who: 'Fastify no-op', unit: 'requests/s', sample: sampleOf(plain) },
    ]
  } finally {
    noOp.kill()
  }
}

/** So that no request waits for another. */
async function define(serviceUrl: string): Promise<void> {
  const connection = await HttpConnection.open(serviceUrl)
  await connection.expect200('PUT', '/v1/semaphores/bench', { limit: connections })
  connection.close()
}

/** Requests a second. */
async function load(url: string): Promise<number> {
  const generator = startChild('load-generator.ts', [url, String(connections), String(roundMs)])
  return Number(await firstMessage(generator))
}

import { randomUUID } from 'node:crypto'
import { HttpConnection } from './http-connection.js'

/*
 * A program: as many connections as asked, each of which acquires and releases in turn for as long as asked. Sends how many requests were
 * answered a second.
 */
const [url = '', connections = '', durationMs = ''] = process.argv.slice(2)
const untilMs = performance.now() + Number(durationMs)

async function work(): Promise<number> {
  const connection = await HttpConnection.open(url)
  const body = { leaseId: randomUUID() }
  let answered = 0
  for (; performance.now() < untilMs; answered += 2) {
    await connection.expect200('POST', '/v1/semaphores/bench/acquire', body)
    await connection.expect200('POST', '/v1/semaphores/bench/release', body)
  }
  connection.close()
  return answered
}

const startedAtMs = performance.now()
const answered = await Promise.all(Array.from({ length: Number(connections) }, work))
const total = answered.reduce((sum, each) => sum + each, 0)
process.send?.((total / (performance.now() - startedAtMs)) * 1_000)

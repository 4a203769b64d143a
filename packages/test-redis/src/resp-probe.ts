import { createConnection, type Socket } from 'node:net'
import { connect } from 'node:tls'
import type { Address } from './access.js'

/** Sends one inline command and resolves with the first bytes of the reply. A whole client would be a dependency for two commands. */
export function ask(at: Address, command: string, timeoutMs = 1_000): Promise<string> {
  const { host, port, access: { tls, password } = {} } = at
  return new Promise((resolve, reject) => {
    const socket: Socket = tls === undefined ? createConnection({ host, port }) : connect({ host, port, ...tls })
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${host}:${port} did not answer ${command}`)))
    socket.once('error', reject)
    const send = (): void => {
      socket.write(`${command}\r\n`)
      socket.once('data', (data: Buffer) => {
        resolve(data.toString())
        socket.destroy()
      })
    }
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      if (password === undefined) return send()
      socket.write(`AUTH ${password}\r\n`)
      socket.once('data', send)
    })
    socket.once('close', () => reject(new Error(`${host}:${port} closed before it answered ${command}`)))
  })
}

/** Two minutes are enough for a file of some hundred MB on a busy machine. */
const standardPatience = { silentForMs: 10_000, loadingForMs: 120_000 }

/** Waits until the server answers PING; gives up when `alive` says that it ended, or it has been silent, or has said that it loads its data, for too long. */
export async function untilItAnswers(at: Address, alive: () => boolean, patience = standardPatience): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await ask(at, 'PING').catch((error: unknown) => String(error))
    if (answer.startsWith('+PONG')) return
    if (!alive()) throw new Error(`The server ended before it answered at ${at.host}:${at.port}.`)
    const patienceMs = answer.startsWith('-LOADING') ? patience.loadingForMs : patience.silentForMs
    if (performance.now() - startedAt > patienceMs)
      throw new Error(`No Redis answered at ${at.host}:${at.port} within ${patienceMs} ms: ${answer.trim()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Asks until the answer is as wished; gives up after 20 s. */
export async function untilAnswer(at: Address, command: string, wish: RegExp): Promise<string> {
  const giveUpAt = performance.now() + 20_000
  for (;;) {
    const answer = await ask(at, command).catch((error: unknown) => String(error))
    if (wish.test(answer)) return answer
    if (performance.now() > giveUpAt) {
      throw new Error(`${at.host}:${at.port} answered ${command} for 20 s with ${answer.trim()}, never ${String(wish)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Gives a lone server in cluster mode every slot: from then on it serves, and refuses scripts whose keys lie in several slots. */
export async function takeAllSlots(at: Address): Promise<void> {
  const answer = await ask(at, 'CLUSTER ADDSLOTSRANGE 0 16383')
  if (!answer.startsWith('+OK') && !answer.includes('already busy')) throw new Error(`No slots: ${answer.trim()}`)
  await untilAnswer(at, 'CLUSTER INFO', /cluster_state:ok/)
}

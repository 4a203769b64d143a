import { acquire, type Wish } from './acquire.js'
import type { Accepted } from './answer.js'
import type { Connection } from './connection.js'
import { NotFoundError } from './errors.js'
import { giveBack } from './give-back.js'
import { semaphoreOf, semaphoresPageOf, type SemaphoresPage } from './replies.js'
import type { Exchange } from './transport.js'
import type { AddPermitsBody, ConfigureBody, SemaphoreReply } from './wire.gen.js'

// Everything that is not about one lease.

function pathOf(name: string): string {
  return `/v1/semaphores/${encodeURIComponent(name)}`
}

async function accepted(connection: Connection, exchange: Exchange, signal?: AbortSignal): Promise<Accepted> {
  const decision = await connection.send(exchange, signal)
  if (decision.kind === 'refused') throw decision.error
  return decision
}

function isUnknownSemaphore(error: unknown): boolean {
  return error instanceof NotFoundError && error.code === 'SEMAPHORE_NOT_FOUND'
}

export async function inspect(connection: Connection, name: string): Promise<SemaphoreReply> {
  return semaphoreOf(await accepted(connection, { method: 'GET', path: pathOf(name) }))
}

/** Null: there is no such semaphore. */
export async function inspectIfThere(connection: Connection, name: string): Promise<SemaphoreReply | null> {
  try {
    return await inspect(connection, name)
  } catch (error) {
    if (isUnknownSemaphore(error)) return null
    throw error
  }
}

export async function resize(
  connection: Connection,
  name: string,
  limit: number,
  bounded: boolean,
): Promise<SemaphoreReply> {
  // Without `bounded` the kind of what is there stays; naming it here would turn one kind into the other.
  const body: ConfigureBody = { limit }
  const answer = await accepted(connection, { method: 'PUT', path: pathOf(name), body })
  const state = semaphoreOf(answer)
  if (answer.status !== 201 || state.bounded === bounded) return state
  // It was new, and the service made it of the kind that is its default.
  const ofThisKind: ConfigureBody = { limit, bounded }
  return semaphoreOf(await accepted(connection, { method: 'PUT', path: pathOf(name), body: ofThisKind }))
}

/**
 * Raises the limit by one, for good. A semaphore that nobody has used yet is made first, by an acquire as any other: a PUT would undo
 * what others do to it meanwhile.
 */
export async function grow(connection: Connection, wish: Wish): Promise<SemaphoreReply> {
  // The same in every attempt: a reply may be lost after the limit has grown.
  const body: AddPermitsBody = { permits: 1, requestId: crypto.randomUUID() }
  const exchange: Exchange = { method: 'POST', path: `${pathOf(wish.semaphore)}/add-permits`, body }
  try {
    return semaphoreOf(await accepted(connection, exchange))
  } catch (error) {
    if (!isUnknownSemaphore(error)) throw error
  }
  const made = await acquire(connection, wish)
  if (made.kind === 'held') giveBack(connection, wish.semaphore, made.reply.leaseId, wish.ttlMs)
  return semaphoreOf(await accepted(connection, exchange))
}

export async function semaphoresPage(
  connection: Connection,
  query: { readonly prefix: string; readonly pageSize: number | undefined; readonly cursor: string | null },
  signal: AbortSignal | undefined,
): Promise<SemaphoresPage> {
  const parameters = new URLSearchParams({ prefix: query.prefix })
  if (query.pageSize !== undefined) parameters.set('pageSize', String(query.pageSize))
  if (query.cursor !== null) parameters.set('cursor', query.cursor)
  return semaphoresPageOf(
    await accepted(connection, { method: 'GET', path: `/v1/semaphores?${parameters.toString()}` }, signal),
  )
}

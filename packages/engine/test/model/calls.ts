import type { AcquireCall, Attachment, LeaseView, PageOf, SemaphoreState, Store, WaiterView } from '../../src/store.js'
import type { Step } from './steps.js'

/** A command of the store, as data: the same one can be sent to two of them. */
export type Call =
  | { readonly to: 'acquire'; readonly with: AcquireCall }
  | { readonly to: 'end'; readonly with: Parameters<Store['end']>[0] }
  | { readonly to: 'release'; readonly with: Parameters<Store['release']>[0] }
  | { readonly to: 'renew'; readonly with: Parameters<Store['renew']>[0] }
  | { readonly to: 'reap'; readonly with: { readonly semaphore: string }; readonly replica: string }
  | { readonly to: 'heartbeat'; readonly with: Parameters<Store['heartbeat']>[0] }
  | { readonly to: 'configure'; readonly with: Parameters<Store['configure']>[0] }
  | { readonly to: 'addPermits'; readonly with: Parameters<Store['addPermits']>[0] }
  | { readonly to: 'remove'; readonly with: Parameters<Store['remove']>[0] }
  | { readonly to: 'inspect'; readonly with: { readonly semaphore: string } }
  | { readonly to: 'revoke'; readonly with: Parameters<Store['revoke']>[0] }
  | { readonly to: 'leases'; readonly with: { readonly semaphore: string; readonly pageSize: number } }
  | { readonly to: 'waiters'; readonly with: { readonly semaphore: string; readonly pageSize: number } }
  | { readonly to: 'semaphores'; readonly with: { readonly prefix: string; readonly pageSize: number } }

interface ListingReplies {
  readonly leases: LeaseView[] | null
  readonly waiters: WaiterView[] | null
  readonly semaphores: SemaphoreState[]
}

type ReplyTo<To extends Call['to']> = To extends keyof ListingReplies
  ? ListingReplies[To]
  : Awaited<ReturnType<Store[To]>>

/** A call and its reply; listings are read to their last page, and null where the semaphore is not found. */
export type Answered = { [To in Call['to']]: Extract<Call, { to: To }> & { readonly reply: ReplyTo<To> } }[Call['to']]

export const replicas = ['r0', 'r1', 'r2']

export function leaseIdOf(index: number): string {
  return `00000000-0000-4000-8000-00000000000${index}`
}

/** Turns steps into calls, from what was sent and granted before: which attachments an id had, which fences there were. */
export class Caller {
  readonly #attachments = new Map<string, Attachment[]>()
  readonly #fences: number[] = []
  readonly #permits = new Map<string, number>()
  readonly #asked: { readonly semaphore: string; readonly leaseId: string; readonly attachment: Attachment }[] = []
  #number = 0

  callFor({ semaphore, does }: Step): Call {
    switch (does.kind) {
      case 'acquire':
        return { to: 'acquire', with: this.#acquire(semaphore, does) }
      case 'release':
        return {
          to: 'release',
          with: { semaphore, leaseId: this.#recent(semaphore, does.recent).leaseId, retire: does.retire },
        }
      case 'renew':
        return {
          to: 'renew',
          with: { semaphore, leaseId: this.#recent(semaphore, does.recent).leaseId, ttlMs: does.ttlMs },
        }
      case 'end': {
        const asked = this.#recent(semaphore, does.recent)
        return { to: 'end', with: { semaphore, ...asked, unlessHeld: does.unlessHeld } }
      }
      case 'reap':
        return { to: 'reap', with: { semaphore }, replica: replicaOf(does.replica) }
      case 'heartbeat':
        return { to: 'heartbeat', with: this.#heartbeat(semaphore, replicaOf(does.replica)) }
      case 'configure':
        return { to: 'configure', with: { semaphore, limit: does.limit, bounded: does.bounded } }
      case 'addPermits': {
        const requestId = `10000000-0000-4000-8000-00000000000${does.request}`
        return { to: 'addPermits', with: { semaphore, permits: does.permits, requestId, limitMax: 6 } }
      }
      case 'remove':
        return { to: 'remove', with: { semaphore, force: does.force } }
      case 'inspect':
        return { to: 'inspect', with: { semaphore } }
      case 'revoke':
        return { to: 'revoke', with: { semaphore, fence: this.#fences.at(-1 - does.which) ?? 1 } }
      case 'leases':
      case 'waiters':
        return { to: does.kind, with: { semaphore, pageSize: does.pageSize } }
      case 'semaphores':
        return { to: does.kind, with: { prefix: '', pageSize: does.pageSize } }
    }
  }

  /** What later calls are about: whoever was let in, and every fence that was seen. */
  note(answered: Answered): void {
    if (answered.to === 'acquire' && (answered.reply.kind === 'granted' || answered.reply.kind === 'queued')) {
      const { semaphore, leaseId, attachment } = answered.with
      this.#asked.push({ semaphore, leaseId, attachment })
    }
    for (const [, digits] of JSON.stringify(answered).matchAll(/"fence":(\d+)/g)) {
      const fence = Number(digits)
      if (answered.to !== 'revoke' && !this.#fences.includes(fence)) this.#fences.push(fence)
    }
  }

  #acquire(semaphore: string, does: Extract<Step['does'], { kind: 'acquire' }>): AcquireCall {
    const { ttlMs, enqueue, create } = does
    const leaseId = leaseIdOf(does.id)
    const replica = replicaOf(does.replica)
    const key = `${semaphore} ${leaseId}`
    const permits = does.permits ?? this.#permits.get(key) ?? 1
    this.#permits.set(key, permits)
    const known = this.#attachments.get(key) ?? []
    const previous = known.findLast((attachment) => attachment.replica === replica)
    const isSame = does.sameAttachment && previous !== undefined
    if (!isSame) this.#number += 1
    const attachment = isSame ? previous : { replica, number: this.#number }
    if (!isSame) this.#attachments.set(key, [...known, attachment])
    // The id as holder: listings show holders and no ids.
    return { semaphore, leaseId, permits, ttlMs, enqueue, attachment, holder: leaseId, create }
  }

  #recent(semaphore: string, recent: number): { readonly leaseId: string; readonly attachment: Attachment } {
    const asked = this.#asked.filter((one) => one.semaphore === semaphore).at(-1 - recent)
    const { leaseId, attachment } = asked ?? { leaseId: leaseIdOf(0), attachment: { replica: 'r0', number: 999 } }
    return { leaseId, attachment }
  }

  #heartbeat(semaphore: string, replica: string): Parameters<Store['heartbeat']>[0] {
    const open = [...this.#attachments].flatMap(([key, attachments]) => {
      const [name, leaseId] = key.split(' ')
      if (name !== semaphore || leaseId === undefined) return []
      const own = attachments.filter((attachment) => attachment.replica === replica)
      return own.slice(-2).map(({ number }) => ({ leaseId, number }))
    })
    return { semaphore, replica, open }
  }
}

/** Sends the call, and reads a listing to its end. */
export async function send(store: Store, call: Call): Promise<Answered> {
  switch (call.to) {
    case 'acquire':
      return { ...call, reply: await store.acquire(call.with) }
    case 'end':
      return { ...call, reply: await store.end(call.with) }
    case 'release':
      return { ...call, reply: await store.release(call.with) }
    case 'renew':
      return { ...call, reply: await store.renew(call.with) }
    case 'reap':
      return { ...call, reply: await store.reap(call.with) }
    case 'heartbeat':
      return { ...call, reply: await store.heartbeat(call.with) }
    case 'configure':
      return { ...call, reply: await store.configure(call.with) }
    case 'addPermits':
      return { ...call, reply: await store.addPermits(call.with) }
    case 'remove':
      return { ...call, reply: await store.remove(call.with) }
    case 'inspect':
      return { ...call, reply: await store.inspect(call.with) }
    case 'revoke':
      return { ...call, reply: await store.revoke(call.with) }
    case 'leases':
      return { ...call, reply: await everyPage(call.with, (page) => store.leases(page)) }
    case 'waiters':
      return { ...call, reply: await everyPage(call.with, (page) => store.waiters(page)) }
    case 'semaphores':
      return { ...call, reply: await everySemaphore(store, call.with) }
  }
}

async function everyPage<Item>(
  call: { readonly semaphore: string; readonly pageSize: number },
  read: (page: {
    semaphore: string
    pageSize: number
    cursor: string | null
  }) => Promise<({ kind: 'page' } & PageOf<Item>) | { kind: 'semaphore_not_found' }>,
): Promise<Item[] | null> {
  const items: Item[] = []
  for (let cursor: string | null = null; ;) {
    const page = await read({ ...call, cursor })
    if (page.kind === 'semaphore_not_found') return null
    if (page.items.length > call.pageSize)
      throw new Error(`a page of ${page.items.length} items, ${call.pageSize} asked for`)
    items.push(...page.items)
    cursor = page.nextCursor
    if (cursor === null) return items
  }
}

async function everySemaphore(store: Store, call: { prefix: string; pageSize: number }): Promise<SemaphoreState[]> {
  const states = new Map<string, SemaphoreState>()
  for (let cursor: string | null = null; ;) {
    const page: PageOf<SemaphoreState> = await store.semaphores({ ...call, cursor })
    // A scan of a changing keyspace may meet one twice.
    for (const state of page.items) states.set(state.name, state)
    cursor = page.nextCursor
    if (cursor === null) return [...states.values()].sort((a, b) => a.name.localeCompare(b.name))
  }
}

function replicaOf(index: number): string {
  return replicas[index] ?? 'r0'
}

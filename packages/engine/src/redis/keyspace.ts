/** The keys of one semaphore. All of them carry the same hash tag: a cluster keeps them on one node. */
export interface SemaphoreKeys {
  readonly state: string
  readonly deadlines: string
  readonly leases: string
  readonly queue: string
  readonly waiters: string
  readonly replicas: string
  readonly fence: string
}

export interface Keyspace {
  of(semaphore: string): SemaphoreKeys
  /** There while this lease id is refused. */
  retired(semaphore: string, leaseId: string): string
  /** There while the growth that this request brought is remembered. */
  grown(semaphore: string, requestId: string): string
  /** Whose data a node has. The tag sends it to that node of a cluster; empty where there is but one. */
  marker(tag: string): string
  /** What a replica's id is appended to. Channels are not keys: a cluster spreads every message to all nodes (docs/adr/0006). */
  readonly channel: string
  /** A glob that matches the state of every semaphore whose name begins so. */
  statesBeginning(prefix: string): string
  /** The semaphore whose state this is. */
  nameOf(stateKey: string): string
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}

/** @throws RangeError when the prefix has braces: they would become the hash tag of every key. */
export function createKeyspace(keyPrefix: string): Keyspace {
  if (/[{}]/.test(keyPrefix)) throw new RangeError(`The key prefix "${keyPrefix}" must not have braces.`)
  const key = (semaphore: string, rest: string): string => `${keyPrefix}{${semaphore}}:${rest}`
  return {
    of: (semaphore) => ({
      state: key(semaphore, 'state'),
      deadlines: key(semaphore, 'deadlines'),
      leases: key(semaphore, 'leases'),
      queue: key(semaphore, 'queue'),
      waiters: key(semaphore, 'waiters'),
      replicas: key(semaphore, 'replicas'),
      fence: key(semaphore, 'fence'),
    }),
    retired: (semaphore, leaseId) => key(semaphore, `retired:${leaseId}`),
    grown: (semaphore, requestId) => key(semaphore, `grown:${requestId}`),
    marker: (tag) => `${keyPrefix}marker:{${tag}}`,
    channel: `${keyPrefix}replica:`,
    statesBeginning: (prefix) => `${escapeGlob(`${keyPrefix}{${prefix}`)}*}:state`,
    nameOf: (stateKey) => stateKey.slice(keyPrefix.length + 1, -'}:state'.length),
  }
}

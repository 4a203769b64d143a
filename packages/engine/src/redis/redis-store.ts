import { defaultStoreSettings } from '../store.js'
import type { GuardEvent } from '../guard-event.js'
import type { Notice, Store, StoreSettings } from '../store.js'
import { acquireCommand } from './acquire.js'
import type { ReplicationSettings } from './confirmation.js'
import { connect } from './connect.js'
import type { ConnectionSettings } from './connection.js'
import type { EvaluateOptions } from './evaluate.js'
import { createKeyspace } from './keyspace.js'
import { leaseCommands } from './lease-commands.js'
import { Listening } from './listening.js'
import { listSemaphores } from './list-semaphores.js'
import { listings } from './listings.js'
import { queueCommands } from './queue-commands.js'
import { scanPrimaries } from './scan-primaries.js'
import { createScriptRunner } from './script-runner.js'
import { semaphoreCommands } from './semaphore-commands.js'
import { describeServer, serverWarnings, type StoreWarning } from './server-info.js'
import { vouchedStore } from './vouched-store.js'
import { WatchedNodes } from './watched-nodes.js'

export interface RedisStoreOptions
  extends
    Partial<ConnectionSettings>,
    Partial<ReplicationSettings>,
    Pick<EvaluateOptions, 'observer' | 'texts' | 'extraArgs'> {
  /** Before every key and channel. Without braces. */
  readonly keyPrefix?: string | undefined
  readonly settings?: Partial<StoreSettings> | undefined
  /** Told of a loss of data. Must not throw. */
  readonly onGuard?: ((event: GuardEvent) => void) | undefined
}

export interface RedisStore extends Store {
  /** What is wrong with this server as a keeper of leases. Rejects when it cannot be reached. */
  warnings(): Promise<readonly StoreWarning[]>
}

/**
 * The state in Redis or Valkey, each transition one Lua script on one primary. Connects in the background and comes back by itself: as long as
 * there is no server every call rejects with `StoreUnavailableError`.
 *
 * @throws RedisUrlError when `url` is none of the forms there are.
 */
export function createRedisStore(options: RedisStoreOptions = {}): RedisStore {
  const {
    url,
    redis,
    commandTimeoutMs = 2_000,
    keyPrefix = 'signalbox:',
    settings,
    onGuard,
    waitReplicas = 0,
    waitTimeoutMs = 1_000,
    ...runnerOptions
  } = options
  const keyspace = createKeyspace(keyPrefix)
  const connection = connect({ url, redis, commandTimeoutMs })
  const listening = new Listening({
    connect: connection.listener,
    channelOf: (replica) => `${keyspace.channel}${replica}`,
    commandTimeoutMs,
  })
  const context = {
    ...createScriptRunner({ ...connection, ...runnerOptions, home: listening }),
    keyspace,
    settings: { ...defaultStoreSettings, ...settings },
    homeReplica: () => listening.home,
  }
  const hearing = new Set<(notice: Notice) => void>()
  const nodes = new WatchedNodes({
    ...context,
    connection,
    waitReplicas,
    waitTimeoutMs,
    tell: (event) => {
      onGuard?.(event)
      if (event.kind === 'over') for (const hear of hearing) hear({ kind: 'lost' })
    },
  })
  const semaphores = semaphoreCommands(context)
  const store: Store = {
    ...acquireCommand(context),
    ...leaseCommands(context),
    ...queueCommands(context),
    ...semaphores,
    ...listings(context),
    semaphores: listSemaphores({
      keyspace,
      inspect: semaphores.inspect,
      scan: scanPrimaries(connection),
    }),
    listen: listening.listen,
    ping: () => connection.askAll('ping', (primaries) => describeServer(primaries, connection.kind)),
    guardMs: () => nodes.guardMs,
    close: async () => {
      await Promise.all([listening.close(), nodes.close(), connection.close()])
    },
  }
  return {
    ...vouchedStore(store, nodes, hearing),
    warnings: () =>
      connection.askAll('warnings', (primaries) => serverWarnings(primaries, connection.kind, waitReplicas)),
  }
}

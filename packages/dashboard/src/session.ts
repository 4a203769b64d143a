import type { Api } from './live/api.js'
import type { Histories } from './live/history.js'
import type { OverviewFeed } from './live/overview-feed.js'

/** What the key may do. `key`: its name; null: the service asks for none. */
export interface Access {
  readonly key: string | null
  readonly scopes: ReadonlySet<string>
  readonly prefix: string
}

/** From signing in to signing out. */
export interface Session {
  readonly api: Api
  readonly access: Access
  readonly histories: Histories
  readonly overview: OverviewFeed
  /** Signs out; `detail` says why, if it was not asked for. */
  readonly leave: (detail: string | null) => void
}

import { useEffect, useState } from 'preact/hooks'
import { Api, type Refusal } from './live/api.js'
import { Histories } from './live/history.js'
import { OverviewFeed } from './live/overview-feed.js'
import { accessOf, WireError } from './live/wire.js'
import { Page } from './page.js'
import type { Session } from './session.js'
import { SignIn } from './sign-in.js'

type State =
  /** `detail`: why there was no answer so far. */
  | { readonly kind: 'asking'; readonly detail: string | null }
  | { readonly kind: 'signed-out'; readonly detail: string | null }
  | { readonly kind: 'signed-in'; readonly session: Session }

/** Between two questions to a service that does not answer, or not yet. */
const askAgainMs = 2_000

/** Asks the service whether it wants a key at all, then for one, and shows the page to whoever may look. */
export function App() {
  const [state, setState] = useState<State>({ kind: 'asking', detail: null })

  const ask = async (key: string | null) => {
    const api = new Api(key)
    const answer = await api.call('GET', '/v1/access')
    if (answer.kind === 'refused') {
      // Whether a key is wanted is not known: a field for one would be a dead end where there are none.
      if (key === null && (answer.status === 0 || answer.status >= 500)) {
        setState({ kind: 'asking', detail: answer.detail })
        return
      }
      // Without a key 401 is no failure: it says that one is wanted.
      const detail = key === null && answer.status === 401 ? null : answer.detail
      setState({ kind: 'signed-out', detail })
      return
    }
    const access = accessOf(answer.body)
    if (!access.scopes.has('inspect')) {
      setState({ kind: 'signed-out', detail: 'This API key has no scope "inspect", which looking needs.' })
      return
    }
    const histories = new Histories()
    const refused = ({ detail }: Refusal) => leave(detail)
    const overview = new OverviewFeed(api, histories, refused)
    const leave = (detail: string | null) => {
      overview.stop()
      setState({ kind: 'signed-out', detail })
    }
    overview.start()
    setState({ kind: 'signed-in', session: { api, access, histories, overview, leave } })
  }

  const enter = (key: string | null) =>
    ask(key).catch((error: unknown) => {
      if (!(error instanceof WireError)) throw error
      setState({ kind: 'signed-out', detail: error.message })
    })

  useEffect(() => {
    if (state.kind !== 'asking') return undefined
    const timer = setTimeout(() => void enter(null), state.detail === null ? 0 : askAgainMs)
    return () => clearTimeout(timer)
  }, [state])

  switch (state.kind) {
    case 'asking':
      return (
        <p class="asking" role="status">
          {state.detail} Asking the service …
        </p>
      )
    case 'signed-out':
      return <SignIn detail={state.detail} onKey={enter} />
    case 'signed-in':
      return <Page session={state.session} />
  }
}

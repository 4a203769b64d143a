import { useEffect, useState } from 'preact/hooks'
import { Api, type Refusal } from './live/api.js'
import { Histories } from './live/history.js'
import { OverviewFeed } from './live/overview-feed.js'
import { accessOf, WireError } from './live/wire.js'
import { Page } from './page.js'
import type { Session } from './session.js'
import { SignIn } from './sign-in.js'

type State =
  | { readonly kind: 'asking' }
  | { readonly kind: 'signed-out'; readonly detail: string | null }
  | { readonly kind: 'signed-in'; readonly session: Session }

/** Asks the service whether it wants a key at all, then for one, and shows the page to whoever may look. */
export function App() {
  const [state, setState] = useState<State>({ kind: 'asking' })

  const ask = async (key: string | null) => {
    const api = new Api(key)
    const answer = await api.call('GET', '/v1/access')
    if (answer.kind === 'refused') {
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

  useEffect(() => void enter(null), [])

  switch (state.kind) {
    case 'asking':
      return <p class="asking">Asking the service …</p>
    case 'signed-out':
      return <SignIn detail={state.detail} onKey={enter} />
    case 'signed-in':
      return <Page session={state.session} />
  }
}

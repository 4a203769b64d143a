import { useEffect, useRef, useState } from 'preact/hooks'
import { ConnectionNote } from './connection-note.js'
import { Emblem } from './emblem.js'
import { useChanges } from './live/changes.js'
import { Overview } from './overview/overview.js'
import { firstView } from './overview/view.js'
import { usePlace } from './place.js'
import { SemaphorePage } from './semaphore/semaphore-page.js'
import type { Session } from './session.js'

/** What is the same at every place: who is signed in, whether it is live, and what was just done. */
export function Page({ session }: { readonly session: Session }) {
  const { access, overview } = session
  const place = usePlace()
  const [done, setDone] = useState('')
  const [view, setView] = useState(firstView)
  const scrolledPx = useRef(0)
  useChanges(overview)
  useEffect(() => {
    if (done === '') return undefined
    const timer = setTimeout(() => setDone(''), 8_000)
    return () => clearTimeout(timer)
  }, [done])
  return (
    <>
      <header class="top">
        <a class="brand" href="#/">
          <Emblem /> Signalbox
        </a>
        <ConnectionNote connection={overview.connection} />
        <span class="who">
          {access.key === null ? 'No keys: everyone here may do everything' : `Key ${access.key}`}
          {access.prefix !== '' && ` for ${access.prefix}…`}
        </span>
        {access.key !== null && (
          <button type="button" onClick={() => session.leave(null)}>
            Sign out
          </button>
        )}
      </header>
      <main class={overview.connection.kind === 'lost' ? 'is-stale' : ''}>
        {place.semaphore === null ? (
          <Overview feed={overview} view={view} onView={setView} scrolledPx={scrolledPx} />
        ) : (
          <SemaphorePage key={place.semaphore} name={place.semaphore} session={session} onDone={setDone} />
        )}
      </main>
      <div class="done" role="status">
        {done !== '' && <p>{done}</p>}
      </div>
    </>
  )
}

import type { SemaphoreSnapshot } from '@signalbox/protocol'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { aspectOf } from '../aspect.js'
import { ConnectionNote } from '../connection-note.js'
import { durationText, rateText } from '../durations.js'
import { Lamp } from '../lamp.js'
import { useChanges, useNowMs } from '../live/changes.js'
import { SemaphoreFeed } from '../live/semaphore-feed.js'
import { Total } from '../overview/totals.js'
import type { Session } from '../session.js'
import { UseBar } from '../use-bar.js'
import { ActionDialog, type Action } from './action-dialog.js'
import { Charts } from './charts.js'
import { Holders } from './holders.js'
import { Queue } from './queue.js'

interface Props {
  readonly name: string
  readonly session: Session
  /** Told in a sentence what an action has done. */
  readonly onDone: (done: string) => void
}

/** One semaphore. */
export function SemaphorePage({ name, session, onDone }: Props) {
  const { api, histories, access, overview, leave } = session
  const feed = useMemo(() => new SemaphoreFeed(name, api, histories, ({ detail }) => leave(detail)), [name, session])
  useEffect(() => feed.start(), [feed])
  useChanges(feed)
  const [action, setAction] = useState<Action | null>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${name} · Signalbox`
    heading.current?.focus()
  }, [name])
  const { detail } = feed
  const isThere = detail !== null
  useEffect(() => {
    if (isThere || action === null) return
    // Somebody else removed it: should it come back, it is not this one that was meant. The dialog took the focus with it.
    setAction(null)
    heading.current?.focus()
  }, [isThere])
  const mayChange = access.scopes.has('admin')
  return (
    <>
      <nav aria-label="Back">
        <a href="#/">← All semaphores</a>
      </nav>
      {/* The page's own stream says so above; this one may be the only one that is refused. */}
      {feed.connection.kind === 'lost' && overview.connection.kind === 'live' && (
        <ConnectionNote connection={feed.connection} />
      )}
      <div class="title">
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        {detail !== null && mayChange && <Actions onAction={setAction} />}
      </div>
      {detail === null ? (
        <p class="empty" role="status">
          {absenceOf(feed)}
        </p>
      ) : (
        <div class={feed.connection.kind === 'lost' ? 'is-stale' : ''}>
          <Detail feed={feed} detail={detail} session={session} onTakeBack={mayChange ? setAction : null} />
        </div>
      )}
      {action !== null && detail !== null && (
        <ActionDialog
          action={action}
          detail={detail}
          api={api}
          onClose={(done) => {
            // Who gave up waiting for the answer may be at another action when it comes.
            setAction((open) => (open === action ? null : open))
            if (done === null) return
            onDone(done)
            // The button that was pressed goes away with the lease.
            if (action.kind !== 'resize') heading.current?.focus()
          }}
        />
      )}
    </>
  )
}

function Actions({ onAction }: { readonly onAction: (action: Action) => void }) {
  return (
    <div class="actions">
      <button type="button" onClick={() => onAction({ kind: 'resize' })}>
        Resize …
      </button>
      <button type="button" class="danger" onClick={() => onAction({ kind: 'remove' })}>
        Remove …
      </button>
    </div>
  )
}

function absenceOf({ refusal, isGone }: SemaphoreFeed): string {
  if (refusal !== null) return refusal
  return isGone ? 'There is no semaphore of this name now. It is shown as soon as there is one.' : 'Asking …'
}

interface DetailProps {
  readonly feed: SemaphoreFeed
  readonly detail: SemaphoreSnapshot
  readonly session: Session
  readonly onTakeBack: ((action: Action) => void) | null
}

function Detail({ feed, detail, session, onTakeBack }: DetailProps) {
  const nowMs = useNowMs()
  const { semaphore, leases, waiters } = detail
  const { used, limit, waiting, oldestWaitMs, bounded } = semaphore
  // The stream of all has counted for longer: this one began at 0 when the semaphore was opened.
  const { grantsPerS } = session.overview.seen.get(feed.name)?.semaphore ?? semaphore
  const aspect = aspectOf(semaphore)
  // What has passed since the service said it; nothing is known of the time in which it is silent, but that it passes.
  const sinceMs = Math.max(0, nowMs - feed.atMs)
  return (
    <>
      <div class="state">
        <Lamp aspect={aspect} />
        <UseBar used={used} limit={limit} aspect={aspect} />
        <span class="figure">
          {used} of {limit} in use
        </span>
      </div>
      <dl class="totals">
        <Total name="Free" value={String(Math.max(0, limit - used))} />
        <Total name="Waiting" value={String(waiting)} />
        <Total name="Longest wait" value={waiting === 0 ? '–' : durationText(oldestWaitMs + sinceMs)} />
        <Total name="Grants per second" value={rateText(grantsPerS)} />
        <Total name="Kind" value={bounded ? 'bounded' : 'counting'} />
      </dl>
      <Charts history={session.histories.of(feed.name)} now={semaphore} nowMs={nowMs} />
      <Holders semaphore={feed.name} leases={leases} used={used} sinceMs={sinceMs} onTakeBack={onTakeBack} />
      <Queue waiters={waiters} waiting={waiting} sinceMs={sinceMs} />
    </>
  )
}

import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { aspects, aspectTexts, type Aspect } from '../aspect.js'
import { useChanges, useNowMs } from '../live/changes.js'
import type { OverviewFeed } from '../live/overview-feed.js'
import { isChosen, rowOf, type Row } from './arrange.js'
import { Narrowing } from './narrowing.js'
import { SemaphoreTable } from './semaphore-table.js'
import { Totals } from './totals.js'
import { useOrder } from './use-order.js'
import type { View } from './view.js'

interface Props {
  readonly feed: OverviewFeed
  readonly view: View
  readonly onView: (view: View) => void
  /** How far down somebody was when they left, and is now. */
  readonly scrolledPx: RefObject<number>
}

/** All semaphores. */
export function Overview({ feed, view, onView, scrolledPx }: Props) {
  useChanges(feed)
  useScrolled(scrolledPx)
  const nowMs = useNowMs()
  const { search, aspect, order } = view
  const body = useRef<HTMLTableSectionElement>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = 'Signalbox'
    heading.current?.focus({ preventScroll: true })
  }, [])

  const all = [...feed.seen.values()].map((seen) => rowOf(seen, nowMs))
  const chosen = all.filter((row) => isChosen(row, { search, aspect }))
  const rows = useOrder(chosen, order, `${aspect ?? ''} ${search}`, body)

  return (
    <>
      <h1 ref={heading} tabIndex={-1} class="hidden">
        Semaphores
      </h1>
      <Totals rows={all} isPartial={feed.truncated} />
      <div class="choice">
        <label class="search">
          <span class="hidden">Search names</span>
          <input
            type="search"
            placeholder="Search names"
            spellcheck={false}
            value={search}
            onInput={(event) => onView({ ...view, search: event.currentTarget.value })}
          />
        </label>
        <AspectChoice rows={all} chosen={aspect} onChoose={(chosen) => onView({ ...view, aspect: chosen })} />
      </div>
      {(feed.truncated || feed.prefix !== '') && <Narrowing feed={feed} />}
      <p class="hidden" role="status">
        {search === '' && aspect === null ? '' : `${rows.length} of ${all.length} semaphores`}
      </p>
      {rows.length === 0 ? (
        <Nothing feed={feed} all={all} />
      ) : (
        <SemaphoreTable rows={rows} body={body} order={order} onOrder={(asked) => onView({ ...view, order: asked })} />
      )}
    </>
  )
}

/** Not left to the browser: it would scroll before there is anything to scroll. */
function useScrolled(scrolledPx: RefObject<number>): void {
  useLayoutEffect(() => {
    scrollTo(0, scrolledPx.current)
    const moved = () => (scrolledPx.current = scrollY)
    addEventListener('scroll', moved, { passive: true })
    return () => removeEventListener('scroll', moved)
  }, [scrolledPx])
}

function Nothing({ feed, all }: { readonly feed: OverviewFeed; readonly all: readonly Row[] }) {
  if (feed.truncated) return <p class="empty">None of those shown here is like that.</p>
  if (all.length > 0) return <p class="empty">No semaphore is like that.</p>
  if (feed.connection.kind !== 'live') return null
  return (
    <p class="empty">
      There is no semaphore yet: the first acquire makes one. <a href="/quick-start">How that is done</a>
    </p>
  )
}

interface ChoiceProps {
  readonly rows: readonly Row[]
  readonly chosen: Aspect | null
  readonly onChoose: (aspect: Aspect | null) => void
}

function AspectChoice({ rows, chosen, onChoose }: ChoiceProps) {
  const counts = new Map<Aspect, number>()
  for (const { aspect } of rows) counts.set(aspect, (counts.get(aspect) ?? 0) + 1)
  const option = (aspect: Aspect | null, text: string, count: number) => (
    <button
      key={text}
      type="button"
      class={`aspect aspect-${aspect ?? 'all'}`}
      aria-pressed={chosen === aspect}
      onClick={() => onChoose(aspect)}
    >
      {text} <span class="count">{count}</span>
    </button>
  )
  return (
    <div class="aspects" role="group" aria-label="Show">
      {option(null, 'All', rows.length)}
      {aspects.map((aspect) => option(aspect, aspectTexts[aspect], counts.get(aspect) ?? 0))}
    </div>
  )
}

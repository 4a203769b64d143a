import type { Aspect } from './aspect.js'

/** Above this many permits the bar is one piece: the gaps between them would be all there is to see. */
const segmentsMax = 24

interface Props {
  readonly used: number
  readonly limit: number
  readonly aspect: Aspect
}

/** How much of the limit is in use. What it shows is also written beside it, so to a screen reader it is nothing. */
export function UseBar({ used, limit, aspect }: Props) {
  const share = limit === 0 ? (used > 0 ? 1 : 0) : Math.min(used / limit, 1)
  const segments = limit > 1 && limit <= segmentsMax ? limit : 1
  return (
    <div
      class={`bar bar-${aspect}${used > limit ? ' bar-over' : ''}${limit === 0 ? ' bar-shut' : ''}`}
      style={{ '--segments': segments }}
      aria-hidden="true"
    >
      <div class="bar-used" style={{ width: `${share * 100}%` }} />
      {segments > 1 && <div class="bar-gaps" />}
    </div>
  )
}

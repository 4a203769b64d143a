import type { LiveSemaphore } from '@signalbox/protocol'
import { useMemo } from 'preact/hooks'
import { durationText } from '../durations.js'
import { historySpanMs, type History } from '../live/history.js'
import { Chart } from './chart.js'
import { seriesOf, summaryOf } from './series.js'

const spansMs = [60_000, 120_000]

interface Props {
  readonly history: History
  readonly now: LiveSemaphore
  readonly nowMs: number
}

/** Use and queue over the last minutes, one above the other: on one scale a long queue would press the use flat. */
export function Charts({ history, now, nowMs }: Props) {
  const points = history.points(nowMs)
  const series = useMemo(() => seriesOf(points, nowMs), [points, nowMs])
  const seenForMs = Math.max(0, -(series.x[0] ?? 0)) * 1_000
  // A minute at first, and more as there is more: what was seen in seconds would be a stroke at the edge of five minutes.
  const spanMs = spansMs.find((span) => span >= seenForMs) ?? historySpanMs
  return (
    <section aria-labelledby="use">
      <h2 id="use">
        Use <span class="note">as this page has seen it, for {durationText(seenForMs)}</span>
      </h2>
      <figure>
        <p class="hidden">
          In the last {durationText(seenForMs)}: {summaryOf(series)}. Now {now.used} of {now.limit} in use,{' '}
          {now.waiting} waiting.
        </p>
        <Chart
          x={series.x}
          spanMs={spanMs}
          lines={[
            { title: 'In use', values: series.used, colour: '--use', isFilled: true },
            { title: 'Limit', values: series.limit, colour: '--limit', isDashed: true },
          ]}
        />
        <Chart
          x={series.x}
          spanMs={spanMs}
          lines={[{ title: 'Waiting', values: series.waiting, colour: '--wait', isFilled: true }]}
        />
      </figure>
    </section>
  )
}

import type { WaiterItem } from '@signalbox/protocol'
import { durationText, localTime } from '../durations.js'
import { HolderName } from './holder-name.js'

interface Props {
  readonly waiters: readonly WaiterItem[]
  readonly waiting: number
  /** How long ago the service told of them. */
  readonly sinceMs: number
}

export function Queue({ waiters, waiting, sinceMs }: Props) {
  return (
    <section aria-labelledby="queue">
      <h2 id="queue">
        Queue <span class="count">{waiting}</span>
      </h2>
      {waiters.length === 0 ? (
        <p class="empty">Nobody waits.</p>
      ) : (
        <table class="items">
          <thead>
            <tr>
              <th scope="col" class="number place">
                Place
              </th>
              <th scope="col">Holder to be</th>
              <th scope="col" class="number">
                Permits
              </th>
              <th scope="col" class="number">
                Waits for
              </th>
            </tr>
          </thead>
          <tbody>
            {waiters.map(({ position, holder, permits, since, waitedMs }) => (
              <tr key={position}>
                <td class="number place" data-title="Place">
                  {position}
                </td>
                <th scope="row">
                  <HolderName holder={holder} />
                </th>
                <td class="number" data-title="Permits">
                  {permits}
                </td>
                <td class="number" data-title="Waits for">
                  {durationText(waitedMs + sinceMs)}
                  <time dateTime={since}> since {localTime(since)}</time>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {waiters.length < waiting && <p class="note">{waiting - waiters.length} more wait behind them.</p>}
    </section>
  )
}

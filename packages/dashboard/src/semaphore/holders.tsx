import type { LeaseItem } from '@signalbox/protocol'
import { durationText, localTime } from '../durations.js'
import type { Action } from './action-dialog.js'
import { HolderName } from './holder-name.js'
import { holderText } from './holder-text.js'

interface Props {
  readonly semaphore: string
  readonly leases: readonly LeaseItem[]
  readonly used: number
  /** How long ago the service told of them. */
  readonly sinceMs: number
  /** Null: this key may not. */
  readonly onTakeBack: ((action: Action) => void) | null
}

export function Holders({ semaphore, leases, used, sinceMs, onTakeBack }: Props) {
  const listed = leases.reduce((sum, { permits }) => sum + permits, 0)
  return (
    <section aria-labelledby="holders">
      <h2 id="holders">
        Holders <span class="count">{leases.length}</span>
      </h2>
      {leases.length === 0 ? (
        <p class="empty">Nobody holds a permit.</p>
      ) : (
        <table class="items">
          <thead>
            <tr>
              <th scope="col">Holder</th>
              <th scope="col" class="number">
                Permits
              </th>
              <th scope="col" class="number">
                Held for
              </th>
              <th scope="col" class="number">
                Ends, if not renewed
              </th>
              <th scope="col" class="number">
                Fence
              </th>
              {onTakeBack !== null && (
                <th scope="col">
                  <span class="hidden">Action</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {leases.map((lease) => (
              <Holder key={lease.fence} lease={lease} sinceMs={sinceMs} onTakeBack={onTakeBack} />
            ))}
          </tbody>
        </table>
      )}
      {listed < used && (
        <p class="note">
          {used - listed} more permits are held by leases that end later. <code>signalbox show {semaphore}</code> lists
          all.
        </p>
      )}
    </section>
  )
}

interface HolderProps extends Pick<Props, 'sinceMs' | 'onTakeBack'> {
  readonly lease: LeaseItem
}

function Holder({ lease, sinceMs, onTakeBack }: HolderProps) {
  const { holder, permits, fence, grantedAt, heldMs, expiresAt, expiresInMs } = lease
  return (
    <tr>
      <th scope="row">
        <HolderName holder={holder} />
      </th>
      <td class="number" data-title="Permits">
        {permits}
      </td>
      <td class="number" data-title="Held for">
        {durationText(heldMs + sinceMs)}
        <time dateTime={grantedAt}> since {localTime(grantedAt)}</time>
      </td>
      <td class="number" data-title="Ends">
        in {durationText(expiresInMs - sinceMs)}
        <time dateTime={expiresAt}> at {localTime(expiresAt)}</time>
      </td>
      <td class="number fence" data-title="Fence">
        {fence}
      </td>
      {onTakeBack !== null && (
        <td class="action">
          <button type="button" class="danger" onClick={() => onTakeBack({ kind: 'take-back', lease })}>
            Take back …
            <span class="hidden">
              {' '}
              the lease of {holderText(holder)}, fence {fence}
            </span>
          </button>
        </td>
      )}
    </tr>
  )
}

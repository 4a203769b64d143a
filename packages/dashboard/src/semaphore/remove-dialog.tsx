import { useState } from 'preact/hooks'
import { pathOf } from '../live/api.js'
import { Confirmation, type DialogProps } from './confirmation.js'
import { removing } from './consequences.js'

/** Forced only where it was said: a lease that is granted while the dialog is open makes the service refuse. */
export function RemoveDialog({ detail, api, onClose }: DialogProps) {
  const { semaphore } = detail
  const { name, used } = semaphore
  const [isForced, setForced] = useState(false)
  return (
    <Confirmation
      title={`Remove ${name}`}
      sentences={removing(semaphore)}
      deed={isForced ? 'Remove it and void the leases' : 'Remove it'}
      isDangerous
      isIncomplete={used > 0 && !isForced}
      act={() => api.call('DELETE', `${pathOf(name)}?force=${isForced}`)}
      onClose={(isDone) => onClose(isDone ? `${name} is removed.` : null)}
    >
      {(used > 0 || isForced) && (
        <label class="check">
          <input type="checkbox" checked={isForced} onChange={(event) => setForced(event.currentTarget.checked)} />
          Make the leases of those who hold void
        </label>
      )}
    </Confirmation>
  )
}

import { useState } from 'preact/hooks'
import { pathOf } from '../live/api.js'
import { Confirmation, type DialogProps } from './confirmation.js'
import { resizing } from './consequences.js'

export function ResizeDialog({ detail, api, onClose }: DialogProps) {
  const { name } = detail.semaphore
  const [text, setText] = useState(String(detail.semaphore.limit))
  const limit = /^\d{1,10}$/.test(text) ? Number(text) : null
  return (
    <Confirmation
      title={`Resize ${name}`}
      sentences={limit === null ? ['The limit is a whole number.'] : resizing(detail, limit)}
      deed={limit === null ? 'Set the limit' : `Set the limit to ${limit}`}
      isIncomplete={limit === null || limit === detail.semaphore.limit}
      act={() => api.call('PUT', pathOf(name), { limit })}
      onClose={(isDone) => onClose(isDone ? `The limit of ${name} is ${limit}.` : null)}
    >
      <label class="field">
        New limit
        <input
          type="number"
          min="0"
          step="1"
          inputMode="numeric"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
    </Confirmation>
  )
}

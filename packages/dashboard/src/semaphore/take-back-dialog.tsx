import type { LeaseItem } from '@signalbox/protocol'
import { pathOf } from '../live/api.js'
import { Confirmation, type DialogProps } from './confirmation.js'
import { counted, takingBack } from './consequences.js'
import { holderText } from './holder-text.js'

export function TakeBackDialog({ detail, api, lease, onClose }: DialogProps & { readonly lease: LeaseItem }) {
  const { name } = detail.semaphore
  const done = `${counted(lease.permits, 'permit')} of ${name} came back from ${holderText(lease.holder)}.`
  return (
    <Confirmation
      title={`Take back a lease of ${name}`}
      sentences={takingBack(detail, lease)}
      deed="Take it back"
      isDangerous
      act={() => api.call('DELETE', `${pathOf(name)}/leases/${lease.fence}`)}
      onClose={(isDone) => onClose(isDone ? done : null)}
    />
  )
}

import type { LeaseItem } from '@signalbox/protocol'
import type { DialogProps } from './confirmation.js'
import { RemoveDialog } from './remove-dialog.js'
import { ResizeDialog } from './resize-dialog.js'
import { TakeBackDialog } from './take-back-dialog.js'

/** What an operator is about to do. */
export type Action =
  { readonly kind: 'resize' } | { readonly kind: 'remove' } | { readonly kind: 'take-back'; readonly lease: LeaseItem }

export function ActionDialog({ action, ...props }: DialogProps & { readonly action: Action }) {
  switch (action.kind) {
    case 'resize':
      return <ResizeDialog {...props} />
    case 'remove':
      return <RemoveDialog {...props} />
    case 'take-back':
      return <TakeBackDialog {...props} lease={action.lease} />
  }
}

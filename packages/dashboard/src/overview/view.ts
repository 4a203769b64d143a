import type { Aspect } from '../aspect.js'
import type { Order } from './arrange.js'

/** What somebody asked the overview for. It outlives the overview: who was at one semaphore comes back to what they had found. */
export interface View {
  readonly search: string
  /** Null: whatever they show. */
  readonly aspect: Aspect | null
  readonly order: Order
}

export const firstView: View = { search: '', aspect: null, order: { column: 'signal', isDescending: true } }

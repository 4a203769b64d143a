/** What this replica finds out about the data of its store. */
export type GuardEvent =
  /** They are not those that it knew. Nothing is granted for this long, at least. */
  | { readonly kind: 'lost'; readonly found: 'no marker' | 'another marker'; readonly guardMs: number }
  /** Another replica found that out. */
  | { readonly kind: 'guarded'; readonly guardMs: number }
  /** Grants go on. */
  | { readonly kind: 'over' }

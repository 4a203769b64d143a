import type { Mutant } from './mutate.js'

/** A mutant that does what the original does, and why. */
export interface Equivalent extends Pick<Mutant, 'file' | 'text' | 'change'> {
  readonly because: string
}

export const equivalents: readonly Equivalent[] = []

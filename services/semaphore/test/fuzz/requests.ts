import fc from 'fast-check'
import { validDrafts, wireOf } from './drafts.js'
import { mutations, type Mutation } from './mutations.js'
import type { Operation } from './operations.js'
import type { WireRequest } from './wire.js'

/** Acquire has the most to get wrong. */
const weights: Readonly<Record<string, number>> = { acquire: 12, release: 2, renew: 2, configure: 2, metrics: 0.1 }

/** Requests that the document allows, a third of them as they are, the others with up to three things wrong. */
export function requestsOf(
  operations: readonly Operation[],
  authorizations: readonly string[],
): fc.Arbitrary<WireRequest> {
  const drafts = fc.oneof(
    ...operations.map((operation) => ({
      weight: Math.ceil((weights[operation.operationId] ?? 1) * 10),
      arbitrary: validDrafts(operation, authorizations),
    })),
  )
  const changes = fc.oneof(
    { weight: 1, arbitrary: fc.constant<Mutation[]>([]) },
    { weight: 2, arbitrary: fc.array(mutations, { minLength: 1, maxLength: 3 }) },
  )
  return fc
    .record({ draft: drafts, changes })
    .map(({ draft, changes: chosen }) => wireOf(chosen.reduce((changed, change) => change(changed), draft)))
}

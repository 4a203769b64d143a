import type * as protocol from '@signalbox/protocol'
import { errorTable as protocolTable } from '@signalbox/protocol'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type * as wire from '../src/wire.gen.js'
import { errorTable } from '../src/wire.gen.js'

/** Both ways, so that neither a missing nor an extra member passes. */
type Same<First, Second> = [First, Second] extends [Second, First] ? true : false

describe('the generated wire types', () => {
  it('are the protocol package’s', () => {
    expectTypeOf<Same<wire.AcquireBody, protocol.RequestInput<'acquire'>>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.ReleaseBody, protocol.RequestInput<'release'>>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.RenewBody, protocol.RequestInput<'renew'>>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.AddPermitsBody, protocol.RequestInput<'addPermits'>>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.ConfigureBody, protocol.RequestInput<'configure'>>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.LeaseReply, protocol.LeaseReply>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.AcquireReply, protocol.AcquireReply>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.ReleaseReply, protocol.ReleaseReply>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.SemaphoreReply, protocol.SemaphoreReply>>().toEqualTypeOf<true>()
    expectTypeOf<Same<wire.ServiceErrorCode, protocol.ErrorCode>>().toEqualTypeOf<true>()
  })

  it('and the error table is too', () => {
    const wanted = Object.entries(protocolTable).map(([code, { status, retryable, sdk }]) => [
      code,
      { status, retryable, sdk },
    ])
    expect(errorTable).toEqual(Object.fromEntries(wanted))
  })
})

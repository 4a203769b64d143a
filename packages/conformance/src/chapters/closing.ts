import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventually, type Grounds, leaseFrom } from '../ground.js'

/** A caller goes away: it ends its own request, and nothing else. */
export function closing({ fresh, lacks }: Grounds): void {
  describe('a closed request', () => {
    test('leaves the queue at once; those behind it move up', async () => {
      const ground = fresh()
      await ground.hold({ limit: 2 })
      const gone = await ground.queue({ permits: 2 })
      const behind = await ground.queue({}, ground.other)
      gone.close()
      expect((await behind.outcome).kind).toBe('granted')
      expect((await gone.outcome).kind).toBe('closed')
      await ground.until({ used: 2, waiting: 0 })
    })

    test('takes nothing back after its answer was delivered', async () => {
      const ground = fresh()
      const held = await ground.hold()
      const waiter = await ground.queue()
      await ground.release(held)
      const lease = await leaseFrom(waiter)
      waiter.close()
      expect(await ground.kindOf({ waitMs: 60 })).toBe('acquire_timeout')
      expect(await ground.renew(lease)).toBe('renewed')
    })

    test('a close that races the grant loses no permit', async () => {
      const ground = fresh()
      for (let round = 0; round < 30; round += 1) {
        const held = await ground.hold()
        const waiter = await ground.queue({}, ground.other)
        const released = ground.release(held)
        waiter.close()
        await released
        const outcome = await waiter.outcome
        if (outcome.kind === 'granted') await ground.release(outcome.lease)
        else expect(outcome.kind).toBe('closed')
        await ground.until({ used: 0, waiting: 0 })
      }
    })

    test.skipIf(lacks('lease ids'))('ends its own attachment alone: the same id waits on elsewhere', async () => {
      const ground = fresh()
      const held = await ground.hold()
      const leaseId = randomUUID()
      const old = await ground.queue({ leaseId })
      const behind = await ground.queue({}, ground.other)
      const retry = ground.other.acquire(ground.call({ leaseId, waitMs: 20_000 }))
      // Nothing shows that it is attached; but a request of the same kind, sent after it the same way, arrives after it.
      expect(await ground.kindOf({}, ground.other)).toBe('permits_unavailable')
      old.close()
      expect((await old.outcome).kind).toBe('closed')
      await ground.release(held)
      expect((await retry.outcome).kind).toBe('granted')
      expect(await ground.state()).toMatchObject({ used: 1, waiting: 1 })
      behind.close()
    })

    test.skipIf(lacks('lease ids'))('does not take a lease along that another request adopted', async () => {
      const ground = fresh()
      const held = await ground.hold()
      const leaseId = randomUUID()
      const old = await ground.queue({ leaseId })
      await ground.release(held)
      const adopted = await ground.hold({ leaseId }, ground.other)
      old.close()
      await old.outcome
      expect(await ground.renew(adopted)).toBe('renewed')
      expect((await ground.state()).used).toBe(1)
    })

    test('closed before it could be answered, leaves nothing', async () => {
      const ground = fresh()
      const opened = ground.one.acquire(ground.call({ waitMs: 5_000 }))
      opened.close()
      const outcome = await opened.outcome
      if (outcome.kind === 'granted') await ground.release(outcome.lease)
      await eventually(async () => {
        const reply = await ground.one.inspect(ground.name)
        return reply.kind === 'state' ? reply.state.used + reply.state.waiting : 0
      }, 0)
    })
  })
}

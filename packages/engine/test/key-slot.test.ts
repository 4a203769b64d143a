import { startTestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { keySlot, tagOfSlot } from '../src/redis/key-slot.js'

it('a key is in the slot that a cluster says it is in', async () => {
  const server = await startTestRedis({ cluster: true, say: () => undefined })
  onTestFinished(() => server.stop())
  const redis = new Redis(server.url)
  onTestFinished(() => redis.disconnect())
  for (const tag of ['a', 'reports', 'billing:2026-11', 'ü', 'x'.repeat(128)]) {
    expect(keySlot(tag)).toBe(await redis.cluster('KEYSLOT', `signalbox:{${tag}}:state`))
  }
})

it('every slot has a tag', () => {
  for (const slot of [0, 1, 5_461, 10_923, 16_383]) expect(keySlot(tagOfSlot(slot))).toBe(slot)
})

import { expect, inject, test } from 'vitest'
import { soak } from './soak/soak.js'

test(
  '20,000 names and 60,000 acquires and releases leave no key, no metric and no memory',
  { timeout: 300_000 },
  async () => {
    const { keys, heapBytes, series } = await soak({ names: 20_000, cycles: 60_000, redisUrl: inject('redisUrl') })
    expect(keys.after).toBe(keys.before)
    // An operation that was rare enough to come after the warm-up has a histogram of some lines; a label with names would have thousands.
    expect(series.after - series.before).toBeLessThan(200)
    // One object of one number that each cycle leaves in an array is 3.7 MB; a run that leaves none differs from another by 1 MB.
    expect(heapBytes.after - heapBytes.before).toBeLessThan(2_500_000)
  },
)

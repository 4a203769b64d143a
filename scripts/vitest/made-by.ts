import { createHook } from 'node:async_hooks'

/** How many promises and timers Node makes meanwhile, for each of so many operations: counts, which no busy machine changes. */
export async function madeBy(
  operations: number,
  work: () => Promise<unknown>,
): Promise<{ promises: number; timers: number }> {
  let promises = 0
  let timers = 0
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') promises += 1
      if (type === 'Timeout') timers += 1
    },
  }).enable()
  await work()
  hook.disable()
  return { promises: promises / operations, timers: timers / operations }
}

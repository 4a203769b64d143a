import { expect } from 'vitest'

/** On the busiest machine. */
const timeout = 30_000

/** What is asked for again until it is as expected. */
export const eventually = <Value>(ask: () => Value) => expect.poll(ask, { timeout, interval: 50 })

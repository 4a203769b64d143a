import type { Mutant } from './mutate.js'

/** A mutant that does what the original does, and why. */
export interface Equivalent extends Pick<Mutant, 'file' | 'text' | 'change'> {
  readonly because: string
}

export const equivalents: readonly Equivalent[] = [
  {
    file: 'acquire',
    text: 'return nil',
    change: 'removed',
    because: 'What was just created passes the checks of what was there before.',
  },
  {
    file: 'list-leases',
    text: 'return a.deadline_ms < b.deadline_ms',
    change: '< -> <=',
    because: 'They differ: the line before has asked.',
  },
  {
    file: 'list-leases',
    text: 'return a.fence < b.fence',
    change: '< -> <=',
    because: 'No two leases of a semaphore have the same fence.',
  },
  {
    file: 'marker',
    text: 'local guarded_until_ms = tonumber(stored[2] or 0)',
    change: '0 -> 1',
    because: 'Both are long ago.',
  },
  {
    file: 'lib/attachments',
    text: "return string.find(',' .. set .. ',', ',' .. attachment .. ',', 1, true) ~= nil",
    change: '1 -> 0',
    because: 'Lua begins at the first character either way.',
  },
  {
    file: 'lib/create',
    text: "semaphore.fence = tonumber(redis.call('GET', fence_key) or 0)",
    change: '0 -> 1',
    because: 'The clock is above both.',
  },
  {
    file: 'lib/mend',
    text: "for _, lease_id in ipairs(redis.call('ZRANGE', order_key, 0, -1)) do",
    change: "'ZRANGE' -> 'ZREVRANGE'",
    because: 'Which halves come first does not matter.',
  },
  {
    file: 'lib/queue',
    text: 'local last_ms = 0',
    change: '0 -> 1',
    because: 'Both are long before any grace.',
  },
  {
    file: 'lib/queue',
    text: 'last_ms = math.max(last_ms, heartbeats[replica] or 0)',
    change: '0 -> 1',
    because: 'Both are long before any grace.',
  },
  {
    file: 'lib/queue',
    text: "head_id = redis.call('ZRANGE', queue_key, 0, 0)[1]",
    change: '0 -> 1 (2)',
    because: 'The second of the queue is read and not looked at.',
  },
  {
    file: 'lib/semaphore',
    text: 'lives_until_ms = tonumber(stored[9] or 0),',
    change: '0 -> 1',
    because: 'Both are long ago.',
  },
  {
    file: 'lib/semaphore',
    text: "return tonumber(redis.call('ZRANGE', deadlines_key, 0, 0, 'WITHSCORES')[2])",
    change: '0 -> 1 (2)',
    because: 'The second deadline is read and not looked at.',
  },
  {
    file: 'lib/semaphore',
    text: 'semaphore.in_use_until_ms = math.max(semaphore.in_use_until_ms or 0, until_ms)',
    change: '0 -> 1',
    because: 'Both are long ago.',
  },
  {
    file: 'remove',
    text: 'if semaphore.fence > now_us then',
    change: '> -> >=',
    because: 'Equal, the next script, at least a µs later, gives a greater fence either way.',
  },
]

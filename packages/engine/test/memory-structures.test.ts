import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ArrivalQueue } from '../src/memory/arrival-queue.js'
import { DeadlineHeap, type Timed } from '../src/memory/deadline-heap.js'
import { ForgetfulMap } from '../src/memory/forgetful-map.js'

test('a heap of deadlines gives them in order, whatever was added, moved and removed', () => {
  const deadline = fc.nat({ max: 20 })
  const change = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), at: deadline }),
    fc.record({ kind: fc.constant('move' as const), which: fc.nat(), at: deadline }),
    fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
      const heap = new DeadlineHeap<Timed>()
      const items: Timed[] = []
      for (const [index, one] of changes.entries()) {
        const chosen = 'which' in one ? items[one.which % Math.max(items.length, 1)] : undefined
        if (one.kind === 'add') {
          const item = { id: `i${index}`, deadlineMs: one.at, heapIndex: 0 }
          items.push(item)
          heap.add(item)
        } else if (chosen !== undefined && one.kind === 'move') {
          heap.move(chosen, one.at)
        } else if (chosen !== undefined) {
          heap.remove(chosen)
          items.splice(items.indexOf(chosen), 1)
        }
        const [first] = [...items].sort((a, b) => a.deadlineMs - b.deadlineMs || (a.id < b.id ? -1 : 1))
        expect(heap.first).toBe(first)
        expect(heap.size).toBe(items.length)
      }
    }),
  )
})

test('a queue keeps the order of arrival, whoever steps out', () => {
  const change = fc.oneof(fc.constant('push' as const), fc.nat({ max: 2_000 }))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 600, size: 'max' }), (changes) => {
      const queue = new ArrivalQueue<{ arrival: number }>()
      let expected: { arrival: number }[] = []
      let arrivals = 0
      for (const one of changes) {
        if (one === 'push') {
          arrivals += 100
          const item = { arrival: arrivals }
          queue.push(item)
          expected.push(item)
        } else {
          const gone = expected[one % Math.max(expected.length, 1)]
          if (gone !== undefined) queue.remove(gone)
          expected = expected.filter((item) => item !== gone)
        }
      }
      expect(queue.size).toBe(expected.length)
      expect(queue.head).toBe(expected[0])
      expect([...queue.after(0)]).toEqual(expected)
      for (const [index, { arrival }] of expected.entries()) expect(queue.countBefore(arrival)).toBe(index)
      expect([...queue.after(1_000)]).toEqual(expected.filter(({ arrival }) => arrival > 1_000))
    }),
    { numRuns: 30 },
  )
})

test('a forgetful map remembers until the very millisecond, and drops a few at a time', () => {
  const map = new ForgetfulMap<string>()
  for (let index = 0; index < 20; index += 1) map.set(`k${index}`, 'v', 100)
  map.set('k0', 'again', 200)
  expect(map.get('k1', 99)).toBe('v')
  expect(map.get('k1', 100)).toBe(undefined)
  expect(map.get('k0', 150)).toBe('again')
  map.forget(99, 100)
  expect(map.size).toBe(20)
  map.forget(100, 15)
  expect(map.size).toBe(5)
  map.forget(100, 15)
  expect(map.size).toBe(1)
})

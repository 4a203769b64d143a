import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { historyEvent, type EventOf, type HistoryEvent } from './event.js'

export type Sample = EventOf<'sample'>
export type Request = EventOf<'request'>
export type Reply = EventOf<'reply'>

/** All that was seen, in the order of time, with what the rules look up. */
export class History {
  readonly events: readonly HistoryEvent[]
  readonly requests: ReadonlyMap<string, Request>
  readonly samples: ReadonlyMap<string, readonly Sample[]>
  readonly #byKind = new Map<HistoryEvent['kind'], HistoryEvent[]>()

  constructor(events: readonly HistoryEvent[]) {
    this.events = [...events].sort((a, b) => a.at - b.at)
    for (const event of this.events) {
      const list = this.#byKind.get(event.kind)
      if (list === undefined) this.#byKind.set(event.kind, [event])
      else list.push(event)
    }
    this.requests = new Map(this.of('request').map((request) => [request.request, request]))
    this.samples = grouped(this.of('sample'), ({ semaphore }) => semaphore)
  }

  of<Kind extends HistoryEvent['kind']>(kind: Kind): readonly EventOf<Kind>[] {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- filed under their own kind
    return (this.#byKind.get(kind) ?? []) as EventOf<Kind>[]
  }

  /** The last sample of the semaphore that had been taken by then. */
  sampleBefore(semaphore: string, at: number): Sample | undefined {
    const samples = this.samples.get(semaphore) ?? []
    let low = 0
    let high = samples.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((samples[middle]?.at ?? Infinity) <= at) low = middle + 1
      else high = middle
    }
    return samples[low - 1]
  }
}

export function grouped<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** What the processes of one round wrote. The last line of one that was killed may be half a line. */
export function readHistory(directory: string): History {
  const events = readdirSync(directory)
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) => {
      const lines = readFileSync(join(directory, file), 'utf8').split('\n')
      lines.pop()
      return lines.map((line) => historyEvent.parse(JSON.parse(line)))
    })
  return new History(events)
}

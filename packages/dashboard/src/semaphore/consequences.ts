import type { LeaseItem, LiveSemaphore, SemaphoreSnapshot, WaiterItem } from '@signalbox/protocol'
import { holderText } from './holder-text.js'

/** What an action will do, in sentences. They are for somebody who is about to press the button, so they say who will be hurt. */
export function resizing({ semaphore, waiters }: SemaphoreSnapshot, limit: number): string[] {
  const { used, waiting } = semaphore
  if (limit === semaphore.limit) return [`The limit is ${limit} already: nothing changes.`]
  if (limit > semaphore.limit) return growing(semaphore, limit)
  const sentences = ['Nothing is taken from anybody.']
  if (used > limit) {
    const over = counted(used - limit, 'permit')
    sentences.push(
      `${counted(used, 'permit')} ${isAre(used)} in use, ${over} more than the new limit: those who hold keep theirs until they give them ` +
        `back or their leases end. Until then nobody new is let in.`,
    )
  }
  if (limit === 0) {
    sentences.push('A limit of 0 grants nothing until it is raised again.')
  }
  const tooBig = waiters.filter(({ permits }) => permits > Math.max(limit, 1)).length
  if (tooBig > 0) {
    sentences.push(
      `${counted(tooBig, 'waiter')} of those listed ${asksAsk(tooBig)} for more than ${Math.max(limit, 1)} and will be refused.`,
    )
  }
  if (waiting > tooBig) sentences.push('Those who wait keep their places.')
  return sentences
}

function growing({ used, waiting }: LiveSemaphore, limit: number): string[] {
  const room = limit - used
  if (room <= 0) {
    const sentence = `${counted(used, 'permit')} ${isAre(used)} in use, so nobody new is let in yet.`
    return [sentence]
  }
  const letIn =
    waiting === 0
      ? 'Nobody waits: it is there for who comes next.'
      : `The first in the queue get permits at once, as far as they go, and may start this moment (${waiting} ${waiting === 1 ? 'waits' : 'wait'}).`
  return [`Then ${counted(room, 'permit')} ${isAre(room)} free. ${letIn}`]
}

export function takingBack({ semaphore, waiters }: SemaphoreSnapshot, lease: LeaseItem): string[] {
  const { holder, permits, fence } = lease
  const who = holder === '' ? 'A holder without a label' : holderText(holder)
  return [
    `${who} loses ${permits === 1 ? 'its permit' : `its ${permits} permits`} at once, and the lease with the fence ${fence} is over.`,
    whoGets(semaphore, waiters, permits),
    'The process itself is not stopped: with the SDK it is told at its next renewal, with plain HTTP only when it asks. Until then ' +
      'two may be at work, unless what they work on checks fences.',
  ]
}

function whoGets({ used, limit }: LiveSemaphore, waiters: readonly WaiterItem[], permits: number): string {
  const left = used - permits
  const room = limit - left
  if (room <= 0) return `${counted(left, 'permit')} ${isAre(left)} still in use then, so nobody new is let in yet.`
  const [first] = waiters
  if (first === undefined) return 'The permits are free for who comes next.'
  return first.permits > room
    ? `The first in the queue asks for ${first.permits}, and ${room} ${isAre(room)} free then: it waits on, and so do those behind it.`
    : 'The permits go to the first in the queue this moment.'
}

export function removing({ used, waiting }: LiveSemaphore): string[] {
  const sentences = []
  if (used > 0) {
    sentences.push(
      `${counted(used, 'permit')} ${isAre(used)} in use. Their leases become void: their holders work on until they next ask, and as soon ` +
        'as somebody makes the semaphore again a second crew may start beside them.',
    )
  } else {
    sentences.push('Nobody holds a permit.')
  }
  if (waiting > 0)
    sentences.push(`${counted(waiting, 'waiter')} ${isAre(waiting)} told that there is no such semaphore.`)
  sentences.push('The limit is forgotten. An acquire that says `create` makes the semaphore again.')
  return sentences
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function isAre(count: number): string {
  return count === 1 ? 'is' : 'are'
}

function asksAsk(count: number): string {
  return count === 1 ? 'asks' : 'ask'
}

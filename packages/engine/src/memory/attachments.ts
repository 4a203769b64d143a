import type { Attachment } from '../store.js'

/** The open requests a waiter or lease belongs to; hardly ever more than two, so a list is a good set. */
export type Attachments = readonly Attachment[]

export function isAttached(attachments: Attachments, one: Attachment): boolean {
  return attachments.some((other) => isSame(other, one))
}

export function without(attachments: Attachments, one: Attachment): Attachments {
  return attachments.filter((other) => !isSame(other, one))
}

/** The numbers of each replica, as notices address them. */
export function numbersByReplica(attachments: Attachments): Map<string, number[]> {
  const numbers = new Map<string, number[]>()
  for (const { replica, number } of attachments) {
    const those = numbers.get(replica)
    if (those === undefined) numbers.set(replica, [number])
    else those.push(number)
  }
  return numbers
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.replica === b.replica && a.number === b.number
}

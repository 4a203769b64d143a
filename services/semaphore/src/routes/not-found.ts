import type { FastifyReply } from 'fastify'
import { problemReply } from '../problem.js'

export function notFoundReply(reply: FastifyReply, semaphore: string, advice = ''): Buffer {
  return problemReply(reply, 'SEMAPHORE_NOT_FOUND', `There is no semaphore "${semaphore}".${advice}`, { semaphore })
}

/** A 410, also for a semaphore nobody knows: a 404 never means "not held". */
export function notHeldReply(reply: FastifyReply, semaphore: string, which: string): Buffer {
  const detail = `${which} is not held on semaphore "${semaphore}": it ran out, was released, or never was.`
  return problemReply(reply, 'LEASE_NOT_HELD', detail, { semaphore })
}

import type { FastifyReply } from 'fastify'
import { Problem, problemReply } from '../problem.js'

export function notFound(semaphore: string, advice = ''): Problem {
  return new Problem('SEMAPHORE_NOT_FOUND', `There is no semaphore "${semaphore}".${advice}`, { semaphore })
}

export function notFoundReply(reply: FastifyReply, semaphore: string): Buffer {
  return problemReply(reply, notFound(semaphore))
}

/** A 410, also for a semaphore nobody knows: a 404 never means "not held". */
export function notHeld(semaphore: string, which: string): Problem {
  const detail = `${which} is not held on semaphore "${semaphore}": it ran out, was released, or never was.`
  return new Problem('LEASE_NOT_HELD', detail, { semaphore })
}

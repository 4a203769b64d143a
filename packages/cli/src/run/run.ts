import { constants } from 'node:os'
import { SignalboxClient, type Lease, type SignalboxEvent } from '@signalbox/client'
import { durationText } from '../duration.js'
import { exitCodes } from '../exit-codes.js'
import type { Http } from '../http.js'
import type { Status } from '../status.js'
import { monotonicMs } from '../warden/messages.js'
import { Child, type ChildEnd } from './child.js'
import { Place } from './place.js'
import type { RunPlan } from './plan.js'
import { Signals } from './signals.js'
import { Wait } from './wait.js'

/** How long giving back may hold up the end of the command line; after that the ttl does it. */
const releaseMs = 5_000
const cancelMs = 2_000
/** And a small part of the ttl: a warden that hears late of a late renewal would end the child for nothing. */
const tellWardenEveryMs = 1_000

export interface RunContext {
  readonly url: string | undefined
  readonly http: Http
  readonly env: NodeJS.ProcessEnv
  readonly status: Status
}

/**
 * Waits for a lease, runs the command while it is held, gives it back when the command has ended, and resolves with the exit code. Rejects with what the
 * SDK says when it comes to no lease.
 *
 *   waiting --granted--> running --the child ends--> giving back --> its exit code
 *   waiting --SIGINT, SIGTERM, …--> cancelling --> 128 + signal
 *   running --lease taken back, or running out--> SIGTERM, grace, SIGKILL --> 79
 */
export async function run(plan: RunPlan, { url, http, env, status }: RunContext): Promise<number> {
  const stopped = (): void =>
    status.say('Ctrl-Z is not followed: stopped, nobody would renew the lease (see --foreground)')
  const signals = new Signals(plan.foreground ? undefined : stopped)
  const client = new SignalboxClient({
    url,
    logger: { warn: () => undefined, debug: (text) => status.say(text) },
    onEvent: (event) => tell(event, status, wait),
  })
  const wait: Wait = new Wait(client, plan, status, new Place(http, plan.semaphore, plan.holder))

  const cancelling = new AbortController()
  signals.listen((signal, isEnding) => {
    if (isEnding) cancelling.abort(signal)
  })
  let lease: Lease
  try {
    lease = await wait.acquire(cancelling.signal)
  } catch (error) {
    await orAgain(client.close({ timeoutMs: cancelMs }), signals)
    if (cancelling.signal.aborted) return exitCodeOfSignal(cancelling.signal.reason)
    throw error
  }
  const end = await runUnder(lease, plan, { env, signals })
  // Reading it looks at the deadline: who was stopped beyond it learns so here.
  const isLost = lease.signal.aborted
  void lease.release().catch(() => undefined)
  await orAgain(client.close({ timeoutMs: isLost || end.kind === 'out-of-time' ? cancelMs : releaseMs }), signals)
  return isLost ? exitCodes.leaseLost : exitCodeOfChild(end, plan, status)
}

async function runUnder(
  lease: Lease,
  plan: RunPlan,
  { env, signals }: { readonly env: NodeJS.ProcessEnv; readonly signals: Signals },
): Promise<ChildEnd> {
  const untilMs = (): number => monotonicMs() + lease.expiresInMs
  const child = new Child({
    command: plan.command,
    env: { ...env, SIGNALBOX_SEMAPHORE: lease.semaphore, SIGNALBOX_FENCE: String(lease.fence) },
    graceMs: plan.graceMs,
    // What does not heed SIGTERM must be gone when others may be let in; two thirds of the ttl are left for a service that is away.
    endEarlyMs: Math.min(plan.graceMs, plan.ttlMs / 3),
    foreground: plan.foreground,
    untilMs: untilMs(),
  })
  signals.listen((signal) => child.signal(signal))
  const telling = setInterval(() => child.held(untilMs()), Math.min(tellWardenEveryMs, plan.ttlMs / 24))
  lease.signal.addEventListener('abort', () => {
    clearInterval(telling)
    child.end()
  })
  try {
    return await child.ended
  } finally {
    clearInterval(telling)
  }
}

/** Somebody who asks for the end again does not want to wait for the service. */
async function orAgain(ended: Promise<void>, signals: Signals): Promise<void> {
  const again = new Promise<void>((resolve) => signals.listen((_signal, isEnding) => isEnding && resolve()))
  await Promise.race([ended, again])
}

function exitCodeOfSignal(signal: unknown): number {
  const number: unknown = typeof signal === 'string' ? Reflect.get(constants.signals, signal) : undefined
  return 128 + (typeof number === 'number' ? number : 0)
}

function exitCodeOfChild(end: ChildEnd, { command }: RunPlan, status: Status): number {
  switch (end.kind) {
    case 'exited':
      return end.code
    case 'killed':
      return exitCodeOfSignal(end.signal)
    case 'out-of-time':
      status.complain('the lease was running out and could not be renewed, so the command was ended')
      return exitCodes.leaseLost
    case 'not-started':
      if (end.code === 'ENOENT') {
        status.complain(`${command[0]}: command not found`)
        return exitCodes.commandNotFound
      }
      status.complain(`${command[0]}: cannot be executed (${end.code})`)
      return exitCodes.notExecutable
    case 'warden-killed':
      status.complain('the process that minds the command was killed, so the command was ended')
      return exitCodes.internal
  }
}

function tell(event: SignalboxEvent, status: Status, wait: Wait): void {
  switch (event.kind) {
    case 'waiting':
      wait.placed(event.position)
      return
    case 'retry':
      wait.troubled(event.error, event.delayMs)
      return
    case 'renew-failed': {
      const left = durationText(event.expiresInMs)
      status.say(`the lease was not renewed, and lasts ${left} more: ${messageOf(event.error)}`)
      return
    }
    case 'lease-lost':
      status.complain(`the lease is lost, the command is ended: ${event.error.message}`)
      return
    case 'release-failed':
      if (wait.isUnheard) return
      status.say(
        `the service was not told that this is over; if there is a lease, its ttl ends it: ${messageOf(event.error)}`,
      )
      return
    case 'limit-mismatch':
      status.say(
        `${event.semaphore} has limit ${event.limit}, which --limit ${event.value} does not change: signalbox set does`,
      )
      return
    case 'limit-grown':
      return
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// Stands between the command line and its child, so that the child never works on without a lease: the command line may be killed, or stopped,
// and then it can end nobody. The warden ends the child when the channel to the command line closes, and when the lease's deadline comes near
// without word of a renewal. It leads a session of its own: what kills the command line's process group does not reach it.
import { spawn, type ChildProcess } from 'node:child_process'
import { Group } from './group.js'
import { isOrder, monotonicMs, type Order, type Report } from './messages.js'
import { TerminalEchoes } from './terminal-echoes.js'

const timerMsMax = 60_000

let group: Group | undefined
let graceMs = 0
let endEarlyMs = 0
let isOutOfTime = false
let untilMs = Infinity
let ending: Promise<void> | undefined
let deadline: NodeJS.Timeout | undefined
let echoes: TerminalEchoes | undefined

function tell(report: Report, then: () => void = () => undefined): void {
  if (process.connected && process.send !== undefined) process.send(report, then)
  else then()
}

function leave(): void {
  process.exit(0)
}

/** Ends the child and all that it has started, once. */
function end(): void {
  if (group === undefined) leave()
  ending ??= group?.end(graceMs).then(() => {
    if (!process.connected) leave()
  })
}

function mindDeadline(): void {
  clearTimeout(deadline)
  const leftMs = untilMs - endEarlyMs - monotonicMs()
  if (leftMs <= 0) {
    isOutOfTime ||= ending === undefined
    end()
  } else deadline = setTimeout(mindDeadline, Math.min(leftMs + 1, timerMsMax))
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}

function run(order: Extract<Order, { kind: 'run' }>): void {
  const [program, ...args] = order.command
  graceMs = order.graceMs
  endEarlyMs = order.endEarlyMs
  untilMs = order.untilMs
  if (order.foreground) echoes = new TerminalEchoes()
  const notStarted = (error: unknown): void => tell({ kind: 'not-started', code: codeOf(error) }, leave)
  let child: ChildProcess
  try {
    child = spawn(program, args, { stdio: 'inherit', detached: !order.foreground })
  } catch (error) {
    // Of some reasons (ENOTDIR, E2BIG) it does not tell by an event.
    notStarted(error)
    return
  }
  child.on('error', (error) => {
    if (child.pid === undefined) notStarted(error)
  })
  if (child.pid === undefined) return
  group = new Group(child.pid, order.foreground)
  tell({ kind: 'started', pid: child.pid })
  child.once('exit', (code, signal) => {
    // A child that a signal ended has not chosen to leave anybody behind, and the lease is given back next. An end is over when the last is gone.
    if (signal !== null) end()
    void (ending ?? Promise.resolve()).then(() => tell({ kind: 'ended', code, signal, outOfTime: isOutOfTime }, leave))
  })
  mindDeadline()
}

function obey(order: Order): void {
  switch (order.kind) {
    case 'run':
      run(order)
      return
    case 'held':
      untilMs = order.untilMs
      if (group !== undefined) mindDeadline()
      return
    case 'signal': {
      const { signal } = order
      if (echoes === undefined) group?.signal(signal)
      else echoes.unlessHeard(signal, () => group?.signal(signal))
      return
    }
    case 'end':
      end()
      return
  }
}

process.on('message', (order) => {
  if (isOrder(order)) obey(order)
})
process.on('disconnect', end)
// It ends with its child, not before: signals are the command line's to pass on.
for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

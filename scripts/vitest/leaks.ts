import { afterAll, beforeAll, expect } from 'vitest'

/**
 * Fails a test file that leaves open what would keep a process alive: a connection, a server, a child process, a timer.
 * (An unhandled rejection fails the run by vitest's own doing.) Idle keep-alive sockets of `fetch` and unreferenced timers do
 * not count: they keep nothing alive.
 */
const watched = ['TCPSocketWrap', 'TCPServerWrap', 'PipeWrap', 'ProcessWrap']
const settleForMs = 2_000
const timersKeptMax = 10_000

let before = new Map<string, number>()
let timers: NodeJS.Timeout[] = []

// Node lists timers without saying whose they are, and the test runner has its own; so those of the tests are noted as they
// are made. The runner took its `setTimeout` before this file was loaded.
globalThis.setTimeout = noting(globalThis.setTimeout)
globalThis.setInterval = noting(globalThis.setInterval)

beforeAll(() => {
  before = resources()
})

afterAll(async () => {
  const untilMs = performance.now() + settleForMs
  let leaked = leaks()
  // What was closed in the last hook needs some turns of the loop to be gone.
  while (leaked.length > 0 && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 20).unref())
    leaked = leaks()
  }
  expect(leaked, 'this file left open what keeps a process alive').toEqual([])
})

function noting<Make extends (...args: never[]) => NodeJS.Timeout>(make: Make): Make {
  return new Proxy(make, {
    apply(target, self, args: Parameters<Make>) {
      const timer = Reflect.apply(target, self, args)
      if (timers.push(timer) > timersKeptMax) timers = timers.filter(isTicking)
      return timer
    },
  })
}

/** A timer that fired or was cleared still says that it has a reference; Node's own mark is the only one that tells. */
function isTicking(timer: NodeJS.Timeout): boolean {
  const isOver = '_destroyed' in timer && timer._destroyed === true
  return !isOver && timer.hasRef()
}

function leaks(): string[] {
  const now = resources()
  const open = watched.map((kind) => ({ kind, more: (now.get(kind) ?? 0) - (before.get(kind) ?? 0) }))
  const ticking = timers.filter(isTicking).length
  return [...open, { kind: 'timer', more: ticking }]
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${String(more)} ${kind}`)
}

function resources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

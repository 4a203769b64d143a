import { holderLengthMax, sdkVersion } from './wire.gen.js'

/**
 * What the runtime tells about itself, without importing a `node:` module: the SDK also runs where there is none. Every step may be missing,
 * or may throw (Deno asks for permissions).
 */
function reach(...path: readonly string[]): unknown {
  try {
    let at: unknown = globalThis
    for (const step of path) {
      if ((typeof at !== 'object' && typeof at !== 'function') || at === null) return undefined
      at = Reflect.get(at, step)
    }
    return at
  } catch {
    return undefined
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** An environment variable; empty counts as not set. */
export function environment(name: string): string | undefined {
  return text(reach('process', 'env', name))
}

/** A module of Node's own where the runtime has it (Node >= 20.16), without a static import. */
function builtinModule(name: string): unknown {
  const load = reach('process', 'getBuiltinModule')
  if (typeof load !== 'function') return undefined
  try {
    return Reflect.apply(load, reach('process'), [name])
  } catch {
    return undefined
  }
}

/** Calls a function of a module, if both are there; what it throws counts as nothing. */
function callBuiltin(module: string, name: string, ...parameters: readonly unknown[]): unknown {
  const from = builtinModule(module)
  if (typeof from !== 'object' && typeof from !== 'function') return undefined
  if (from === null) return undefined
  const member: unknown = Reflect.get(from, name)
  if (typeof member !== 'function') return undefined
  try {
    return Reflect.apply(member, from, parameters)
  } catch {
    return undefined
  }
}

/**
 * Node warns of a leak at the eleventh listener of an AbortSignal, which on a lease's signal is ordinary use. `setMaxListeners` is all there is
 * against it; other runtimes do not warn.
 */
export function allowManyListeners(signal: AbortSignal): void {
  callBuiltin('node:events', 'setMaxListeners', 0, signal)
}

/** Who holds, when the program does not say: `SIGNALBOX_HOLDER`, else host and process id; undefined where there is neither. */
export function defaultHolder(): string | undefined {
  const named = environment('SIGNALBOX_HOLDER')
  if (named !== undefined) return named
  const host = text(callBuiltin('node:os', 'hostname')) ?? environment('HOSTNAME')
  const pid = reach('process', 'pid')
  const label = [host, typeof pid === 'number' ? String(pid) : undefined].filter((part) => part !== undefined).join(':')
  return label === '' ? undefined : label.slice(0, holderLengthMax)
}

function runtime(): string {
  const versions = ['Bun', 'Deno'].map((name) => ({
    name,
    version: text(reach(name, 'version')) ?? text(reach(name, 'version', name.toLowerCase())),
  }))
  const found = versions.find(({ version }) => version !== undefined)
  if (found?.version !== undefined) return `${found.name.toLowerCase()}/${found.version}`
  const node = text(reach('process', 'versions', 'node'))
  return node === undefined ? (text(reach('navigator', 'userAgent')) ?? 'unknown') : `node/${node}`
}

/** Not what only calls itself so: Bun, Deno, Workers, a window of Electron. */
export function isNode(): boolean {
  const agent = text(reach('navigator', 'userAgent')) ?? 'Node.js'
  return text(reach('process', 'versions', 'node')) !== undefined && agent.startsWith('Node.js')
}

const immediate = reach('setImmediate')
const { setTimeout: timeout } = globalThis

/**
 * Runs it when this turn of the event loop is over. Looked up when the module is loaded: a test that puts timers of its own in their place means its
 * program's. Where there is no `setImmediate` it costs a ms, as little as timers can do.
 */
export function afterThisTurn(run: () => void): void {
  if (typeof immediate === 'function') Reflect.apply(immediate, globalThis, [run])
  else timeout(run, 0)
}

/** `signalbox-js/<version> (<runtime>)`. */
export function userAgent(): string {
  return `signalbox-js/${sdkVersion} (${runtime().replaceAll(/[^\x20-\x7e]/g, '?')})`
}

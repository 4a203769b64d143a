import { machineClock, type Clock } from './clock.js'
import { defaultHolder, environment } from './environment.js'
import type { Logger, SignalboxEvent } from './events.js'
import type { Fetch } from './fetch.js'
import { nodeFetch } from './node-http.js'
import { refused, refuseUnknown, shown } from './option-checks.js'
import type { OpenTelemetry } from './telemetry.js'

/** How a client reaches the service. Everything may be left out. */
export interface ClientOptions {
  /** Default: `SIGNALBOX_URL`, else `http://127.0.0.1:7600`. A path is kept: `https://host/signalbox`. */
  readonly url?: string | undefined
  /** Bearer token. Default: `SIGNALBOX_API_KEY`, else none. */
  readonly apiKey?: string | undefined
  /** Who holds, for people to read. Default: `SIGNALBOX_HOLDER`, else host and process id. */
  readonly holder?: string | undefined
  /**
   * How long one attempt of a request that does not wait may take, ms. Default 5,000. The first retry is at once and always made: where nothing answers,
   * `tryAcquire` (or `waitMs` 0) rejects after two of these, and every other call after `retryForMs` and two of its attempts at the latest. An attempt
   * that waits may take 5 s longer than the service holds it open (25 s at most).
   */
  readonly timeoutMs?: number | undefined
  /** How long a call is tried again after its first failure, ms. Default 30,000. */
  readonly retryForMs?: number | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default: on Node its module of HTTP, which needs a third of the time; else the global `fetch`, and so where the program has replaced that. */
  readonly fetch?: Fetch | undefined
  /** Passed to every `fetch`, e.g. undici's `dispatcher`; with it Node's is used. A dispatcher that is set for all of undici needs `fetch` or this. */
  readonly fetchOptions?: Readonly<Record<string, unknown>> | undefined
  /**
   * Whether acquires, releases and renewals that are made in the same turn of the event loop go in one request (`POST /v1/batch`). Default true; false where
   * something between here and the service goes by the paths of the plain calls.
   */
  readonly batch?: boolean | undefined
  /** Default: the console, standard error where there is one. */
  readonly logger?: Logger | undefined
  /** For tests: what durations are measured by. Default: the machine's monotonic clock. */
  readonly clock?: Clock | undefined
  /**
   * The module `@opentelemetry/api`: requests carry the trace of their caller, and each `run` is a span. Leave it out where HTTP is
   * instrumented already: the service would get two traces, and take neither.
   */
  readonly openTelemetry?: OpenTelemetry | undefined
  /** Hears what happens beside the calls. What it throws is ignored. */
  readonly onEvent?: ((event: SignalboxEvent) => void) | undefined
}

/** The options with everything filled in and looked at. */
export interface Settings {
  /** Without a slash at the end. */
  readonly url: string
  readonly apiKey: string | undefined
  readonly holder: string | undefined
  readonly timeoutMs: number
  readonly retryForMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: Fetch
  readonly fetchOptions: Readonly<Record<string, unknown>>
  readonly batch: boolean
  readonly logger: Logger
  readonly debug: boolean
  readonly clock: Clock
  readonly openTelemetry: OpenTelemetry | undefined
  readonly onEvent: ((event: SignalboxEvent) => void) | undefined
}

const clientOptions = {
  url: true,
  apiKey: true,
  holder: true,
  timeoutMs: true,
  retryForMs: true,
  headers: true,
  fetch: true,
  fetchOptions: true,
  batch: true,
  logger: true,
  clock: true,
  openTelemetry: true,
  onEvent: true,
} as const satisfies Record<keyof ClientOptions, true>

function urlOf(given: string): string {
  let url: URL
  try {
    url = new URL(given)
  } catch {
    throw refused(`The url of a Signalbox service must be like http://127.0.0.1:7600, not ${JSON.stringify(given)}`)
  }
  // fetch refuses such a URL in every request, with a message that shows the password.
  if (url.username !== '' || url.password !== '') {
    throw refused('The url of a Signalbox service must not hold a user or password: use apiKey')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`The url of a Signalbox service must be http: or https:, not ${url.protocol}`)
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

function apiKeyOf(given: string | undefined): string | undefined {
  if (given === undefined || given === '') return undefined
  // fetch refuses such a header with a message that shows the key.
  if (!/^[\x21-\x7e]+$/.test(given)) {
    throw refused('The apiKey must be printable ASCII without spaces (is there a line break at its end?)')
  }
  return given
}

/** A header that cannot be sent fails in every request, as if nobody had answered. A value is not shown: it may be a secret. */
function headersOf(given: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const headers: [string, string][] = []
  for (const [name, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw refused(`headers: ${shown(name)} cannot be the name of a header`)
    if (typeof value !== 'string') throw refused(`headers: the value of ${name} must be a string`)
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw refused(`headers: the value of ${name} has a character that no header can have (a line break at its end?)`)
    headers.push([name, value])
  }
  return Object.fromEntries(headers)
}

function durationMsOf(name: string, given: number | undefined, standard: number): number {
  if (given === undefined) return standard
  if (typeof given !== 'number' || !(given >= 0)) throw refused(`${name} must be 0 or more ms, not ${shown(given)}`)
  return given
}

/** Not `console.debug`: Node writes that to standard output, into what a program prints for others to read. */
const consoleLogger: Logger = {
  debug: (message) => globalThis.console.error(message),
  warn: (message) => globalThis.console.warn(message),
}

const globalFetch = globalThis.fetch
let ownFetch: Fetch | undefined

/**
 * `mayBeOwn`: on Node the SDK's own, unless the program has put another `fetch` in the global one's place, for tracing or for a test: that
 * means these requests too.
 */
function usualFetch(mayBeOwn: boolean): Fetch {
  if (mayBeOwn) ownFetch ??= nodeFetch()
  const own = mayBeOwn ? ownFetch : undefined
  return (url, request) =>
    (own === undefined || globalThis.fetch !== globalFetch ? globalThis.fetch : own)(url, request)
}

/** Throws `InvalidRequestError` for what could not work in any request. */
export function settingsOf(options: ClientOptions): Settings {
  refuseUnknown(options, clientOptions)
  return {
    url: urlOf(options.url ?? environment('SIGNALBOX_URL') ?? 'http://127.0.0.1:7600'),
    apiKey: apiKeyOf(options.apiKey ?? environment('SIGNALBOX_API_KEY')),
    holder: options.holder ?? defaultHolder(),
    timeoutMs: durationMsOf('timeoutMs', options.timeoutMs, 5_000),
    retryForMs: durationMsOf('retryForMs', options.retryForMs, 30_000),
    headers: headersOf(options.headers ?? {}),
    fetch: options.fetch ?? usualFetch(options.fetchOptions === undefined),
    fetchOptions: options.fetchOptions ?? {},
    batch: options.batch ?? true,
    logger: options.logger ?? consoleLogger,
    debug: environment('SIGNALBOX_LOG') === 'debug',
    clock: options.clock ?? machineClock,
    openTelemetry: options.openTelemetry,
    onEvent: options.onEvent,
  }
}

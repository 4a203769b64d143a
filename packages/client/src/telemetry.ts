import type { Clock } from './clock.js'
import type { Lease } from './lease.js'

/** As much of a span of OpenTelemetry as is used here. */
export interface TelemetrySpan {
  setAttribute(key: string, value: string | number): unknown
  addEvent(name: string, attributes: Readonly<Record<string, number>>): unknown
  recordException(exception: Error | string): void
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

/**
 * As much of `@opentelemetry/api` as is used here: pass the module itself. It is given and not imported, so that programs without it need
 * not have it.
 */
export interface OpenTelemetry {
  readonly context: { active(): object }
  readonly propagation: { inject(context: object, carrier: Record<string, string>): void }
  readonly trace: {
    getTracer(name: string): {
      startActiveSpan<Result>(
        name: string,
        options: { attributes: Record<string, string | number> },
        body: (span: TelemetrySpan) => Result,
      ): Result
    }
  }
}

/** OpenTelemetry's SpanStatusCode.ERROR. */
const errorStatus = 2

const none: Readonly<Record<string, string>> = {}

/** The headers that carry on the trace of whoever sends a request now; none without one. */
export function traceHeaders(telemetry: OpenTelemetry | undefined): Readonly<Record<string, string>> {
  if (telemetry === undefined) return none
  const carrier: Record<string, string> = {}
  try {
    telemetry.propagation.inject(telemetry.context.active(), carrier)
  } catch {
    // A propagator of the program's own: a request without its headers is better than none.
  }
  return carrier
}

export interface RunSpan {
  readonly semaphore: string
  readonly permits: number
  readonly clock: Clock
}

/**
 * Calls `body` within a span, and settles as it does. `body` tells of its lease when it has one: the span gets the fence, and how long that
 * took, as an event.
 */
export async function inRunSpan<Result>(
  telemetry: OpenTelemetry | undefined,
  { semaphore, permits, clock }: RunSpan,
  body: (held: (lease: Lease) => void) => Promise<Result>,
): Promise<Result> {
  if (telemetry === undefined) return await body(() => undefined)
  const attributes = { 'signalbox.semaphore': semaphore, 'signalbox.permits': permits }
  return await telemetry.trace
    .getTracer('@signalbox/client')
    .startActiveSpan('semaphore run', { attributes }, (span) => {
      const beganAtMs = clock.now()
      const held = (lease: Lease) => {
        span.setAttribute('signalbox.fence', lease.fence)
        span.addEvent('held', { 'signalbox.waited_ms': Math.round(clock.now() - beganAtMs) })
      }
      return body(held).then(
        (result) => {
          span.end()
          return result
        },
        (error: unknown) => {
          span.recordException(error instanceof Error ? error : String(error))
          span.setStatus({ code: errorStatus })
          span.end()
          throw error
        },
      )
    })
}

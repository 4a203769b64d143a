import { AsyncLocalStorage } from 'node:async_hooks'
import { diag, DiagLogLevel } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Engine } from '@signalbox/engine'
import type { FastifyInstance } from 'fastify'
import type { Log } from '../log.js'
import { cleaned } from '../shown.js'
import { addRequestSpans } from './request-spans.js'
import { tracedEngine, type CallNotes } from './traced-engine.js'
import type { SpanProtocol } from './tracing-choice.js'

/** A collector that is away would else be a line every few seconds. */
const complaintPauseMs = 60_000
/** How long a stop waits for the last spans to be taken. */
const flushMsMax = 2_000

export interface Tracing {
  /** The engine that the app has to be built with. */
  readonly traced: (engine: Engine) => Engine
  /** Adds its hooks, before all others. */
  readonly instrument: (app: FastifyInstance) => void
  /** Sends what is left; gives up after two seconds, and never rejects. */
  readonly stop: () => Promise<void>
}

/**
 * Spans by OpenTelemetry, as the environment asks for them. Loaded only then: nothing of it is on the way of a call otherwise. Not its
 * instrumentation of Fastify, which makes a span of every hook, nor its whole SDK for Node, which brings gRPC.
 */
export function startTracing(protocol: SpanProtocol, replica: string, log: Log): Tracing {
  complainTo(log)
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter()
  const own = resourceFromAttributes({ 'service.name': 'signalbox', 'service.instance.id': replica })
  const asked = detectResources({ detectors: [envDetector] })
  const provider = new BasicTracerProvider({
    resource: defaultResource().merge(own).merge(asked),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const current = new AsyncLocalStorage<CallNotes>()
  const tools = { tracer: provider.getTracer('signalbox'), propagator: new W3CTraceContextPropagator(), current }
  return {
    traced: (engine) => tracedEngine(engine, current),
    instrument: (app) => addRequestSpans(app, tools),
    stop: async () => {
      const gaveUp = new Promise<void>((resolve) => setTimeout(resolve, flushMsMax).unref())
      await Promise.race([provider.shutdown().catch(() => undefined), gaveUp])
    },
  }
}

function complainTo(log: Log): void {
  let quietUntilMs = 0
  const complain = (message: string) => {
    const nowMs = performance.now()
    if (nowMs < quietUntilMs) return
    quietUntilMs = nowMs + complaintPauseMs
    log.warn(`OpenTelemetry: ${cleaned(message)}`)
  }
  const ignore = () => undefined
  const logger = { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}

import { shown } from '../shown.js'

/** How spans are sent. The standard also knows gRPC, whose client would be most of what this service is made of. */
export type SpanProtocol = 'http/protobuf' | 'http/json'

export interface TracingChoice {
  /** Null: no spans. */
  readonly tracing: SpanProtocol | null
  readonly warnings: readonly string[]
}

/**
 * Whether the standard variables of OpenTelemetry ask for spans. All others of them are read by its SDK. What they ask for and there is
 * not is warned of, and does not stop the start: operators of clusters set them for every program alike.
 */
export function readTracing(env: Readonly<Record<string, string | undefined>>): TracingChoice {
  const exporter = env['OTEL_TRACES_EXPORTER'] ?? ''
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? ''
  const isDisabled = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true'
  if (isDisabled || exporter === 'none' || (exporter === '' && endpoint === '')) return off()
  if (exporter !== '' && exporter !== 'otlp') {
    return off(`OTEL_TRACES_EXPORTER is ${shown(exporter)}, and this service knows otlp and none: there are no traces.`)
  }
  const asked = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? ''
  switch (asked) {
    case '':
      return { tracing: 'http/protobuf', warnings: [] }
    case 'http/protobuf':
    case 'http/json':
      return { tracing: asked, warnings: [] }
    default:
      return off(
        `OTEL_EXPORTER_OTLP_PROTOCOL is ${shown(asked)}, and this service knows http/protobuf and http/json: there are no traces.`,
      )
  }
}

function off(...warnings: string[]): TracingChoice {
  return { tracing: null, warnings }
}

/** What the SDK asks of `fetch`. */
export interface FetchRequest {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly redirect: 'manual'
  readonly signal: AbortSignal
}

/** What the SDK reads of a response. */
export interface FetchResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: { getReader(): FetchReader } | null
}

/** Reads a body, piece by piece. */
export interface FetchReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(reason?: unknown): Promise<void>
}

/** The global `fetch`, undici's, or anything that does the same. */
export type Fetch = (url: string, request: FetchRequest) => Promise<FetchResponse>

/** One request, in the pieces that a mutation can get at. */
export interface WireRequest {
  readonly method: string
  /** As it stands in the request line. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer | null
  /** Sizes of the chunks it is sent in; null: whole, with a Content-Length. */
  readonly chunkSizes: readonly number[] | null
}

export interface WireAnswer {
  readonly status: number
  /** Names in lower case; a header given twice has both values, with a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export function bytesOf(request: WireRequest): Buffer {
  const { method, target, headers, body, chunkSizes } = request
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  if (body !== null) lines.push(chunkSizes === null ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked')
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  if (body === null) return head
  return Buffer.concat([head, chunkSizes === null ? body : chunked(body, chunkSizes)])
}

function chunked(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = []
  let rest = body
  for (let index = 0; rest.length > 0; index += 1) {
    const size = Math.max(1, sizes[index % Math.max(1, sizes.length)] ?? rest.length)
    const chunk = rest.subarray(0, size)
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    rest = rest.subarray(size)
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** What stands in front of the received bytes: an answer, the beginning of one (null), or bytes that are none. */
export function takeAnswer(received: Buffer, toHead: boolean): { answer: WireAnswer; rest: Buffer } | null {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const [statusLine = '', ...lines] = received.subarray(0, headEnd).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(statusLine.slice(0, 100))}`)
  // 100 Continue: the answer follows.
  if (status < 200) return takeAnswer(received.subarray(headEnd + 4), toHead)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+): *(.*)$/.exec(line) ?? []
    const before = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  const length = toHead || status === 204 ? 0 : Number(headers.get('content-length'))
  if (Number.isNaN(length)) throw new Error(`an answer without a Content-Length: ${statusLine} ${lines.join(' | ')}`)
  const end = headEnd + 4 + length
  if (received.length < end) return null
  const body = received.subarray(headEnd + 4, end).toString('utf8')
  return { answer: { status, headers, body }, rest: received.subarray(end) }
}

/** For people, in one line; long ones are cut in the middle. */
export function shownBytes(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1'))
  return text.length <= 2_000 ? text : `${text.slice(0, 1_500)} … ${text.slice(-400)} (${bytes.length} bytes)`
}

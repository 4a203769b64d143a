import fc from 'fast-check'
import { bytesOf, type WireRequest } from './wire.js'

/** What ends every conversation: where the bytes before it left the parser between two requests, it is answered, and the connection closed. */
const farewell = Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')

const fragments: readonly string[] = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/2.0',
    'HTTP/9.9',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ],
  ...[
    'GET / HTTP/1.1\r\n',
    'GET /healthz\r\n',
    'GET  /healthz  HTTP/1.1\r\n',
    'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ],
  ...[
    'Content-Length: 1\r\n',
    'Content-Length: -1\r\n',
    'Content-Length: 99999999999999999999\r\n',
    'Content-Length: 1, 1\r\n',
  ],
  ...[
    'Content-Length: 0x10\r\n',
    'Content-Length : 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked, identity\r\n',
  ],
  ...[
    'Transfer-Encoding: xchunked\r\n',
    'Transfer-Encoding:\tchunked\r\n',
    '0\r\n\r\n',
    '1\r\nx\r\n',
    'ffffffff\r\n',
    '-1\r\n',
    'zz\r\n',
  ],
  ...[
    '5;ext="\r\n',
    '1;a=b\r\nx\r\n0\r\nTrailer: x\r\n\r\n',
    ' folded\r\n',
    'Host: a\r\nHost: b\r\n',
    'X\x7f: 1\r\n',
    'X: \x01\r\n',
  ],
  ...['\x16\x03\x01\x02\x00\x01\x00\x01', '\xff\xfe\xfd', '\x80\x80\x80', '{"permits":1}', 'Expect: 100-continue\r\n'],
]

/**
 * Nothing but its request tells that an answer to HEAD has no body; and Node's parser drops what came in one piece with a request for an
 * upgrade, so that nobody answers it.
 */
function isUpgrade([name]: readonly [string, string]): boolean {
  return name === 'Upgrade'
}

/** Bytes for a connection of their own: requests cut, joined, spliced and overwritten, pipelines of them, and noise. */
export function rawBytesOf(requests: fc.Arbitrary<WireRequest>): fc.Arbitrary<Buffer> {
  const whole = requests.filter(({ method, headers }) => method !== 'HEAD' && !headers.some(isUpgrade)).map(bytesOf)
  const splice = fc
    .record({
      bytes: whole,
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      fragment: fc.constantFrom(...fragments),
      skip: fc.nat(20),
    })
    .map(({ bytes, at, fragment, skip }) => {
      const place = Math.floor(at * bytes.length)
      return Buffer.concat([bytes.subarray(0, place), Buffer.from(fragment, 'latin1'), bytes.subarray(place + skip)])
    })
  const overwritten = fc
    .record({ bytes: whole, changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }) })
    .map(({ bytes, changes }) => {
      const copy = Buffer.from(bytes)
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  const cut = fc
    .record({ bytes: whole, at: fc.double({ min: 0, max: 1, noNaN: true }) })
    .map(({ bytes, at }) => bytes.subarray(0, Math.floor(at * bytes.length)))
  const joined = fc
    .array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 8 })
    .map((all) => Buffer.from(all.join(''), 'latin1'))
  const noise = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes))
  const pipeline = fc.array(whole, { minLength: 2, maxLength: 6 }).map((all) => Buffer.concat(all))
  const one = fc.oneof(splice, overwritten, cut, joined, noise, pipeline)
  return one.map((bytes) => Buffer.concat([bytes, farewell]))
}

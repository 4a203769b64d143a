import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Draft } from './drafts.js'
import {
  contentTypes,
  oddBodies,
  oddHeaders,
  oddJson,
  oddKeys,
  oddMethods,
  oddQueries,
  oddSegments,
} from './odd-values.js'

export type Mutation = (draft: Draft) => Draft

const anyJson = fc.oneof(fc.constantFrom(...oddJson), fc.json({ maxDepth: 3 }))
const anyKey = fc.oneof(
  fc.constantFrom(...oddKeys),
  fc.constantFrom(
    'leaseId',
    'permits',
    'ttlMs',
    'waitMs',
    'holder',
    'create',
    'limit',
    'bounded',
    'retire',
    'requestId',
  ),
)

function onFields(change: (fields: NonNullable<Draft['fields']>) => Draft['fields']): Mutation {
  return (draft) => ({ ...draft, fields: change(draft.fields ?? []) })
}

function otherValue(): fc.Arbitrary<Mutation> {
  return fc
    .record({ at: fc.nat(), json: anyJson })
    .map(({ at, json }) =>
      onFields((fields) => fields.map((field, index) => (index === at % fields.length ? [field[0], json] : field))),
    )
}

/** Perhaps one that is there already. */
function extraField(): fc.Arbitrary<Mutation> {
  return fc
    .record({ key: anyKey, json: anyJson, first: fc.boolean() })
    .map(({ key, json, first }) => onFields((fields) => (first ? [[key, json], ...fields] : [...fields, [key, json]])))
}

function leftOut(): fc.Arbitrary<Mutation> {
  return fc.nat().map((at) => onFields((fields) => fields.filter((_field, index) => index !== at % fields.length)))
}

function nested(): fc.Arbitrary<Mutation> {
  return fc
    .record({ key: fc.oneof(anyKey, fc.constantFrom('limit', 'onConflict')), json: anyJson })
    .map(({ key, json }) => onFields((fields) => [...fields, ['create', `{"limit":1,"${key}":${json}}`]]))
}

/** In the last call of a batch. */
function insideCall(): fc.Arbitrary<Mutation> {
  return fc
    .record({ key: fc.oneof(anyKey, fc.constantFrom('call', 'semaphore')), json: anyJson })
    .map(({ key, json }) =>
      onFields((fields) =>
        fields.map(([name, text]) => [name, name === 'calls' ? text.replace(/}]$/, `,"${key}":${json}}]`) : text]),
      ),
    )
}

function withText(text: Buffer): Mutation {
  return (draft) => ({ ...draft, text })
}

function otherBody(): fc.Arbitrary<Mutation> {
  return fc.oneof(
    fc.constantFrom(...oddBodies).map((text) => withText(Buffer.from(text))),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => withText(Buffer.from(bytes))),
    anyJson.map((json) => withText(Buffer.from(json))),
  )
}

function deepBody(): fc.Arbitrary<Mutation> {
  const brackets = fc.constantFrom(['[', ']'], ['{"a":', '}'], ['{"create":', '}'], ['[{"__proto__":', '}]'])
  return fc
    .record({ brackets, depth: fc.integer({ min: 1, max: 3_000 }), isClosed: fc.boolean() })
    .map(({ brackets: [open = '', close = ''], depth, isClosed }) =>
      withText(Buffer.from(open.repeat(depth) + (isClosed ? `1${close.repeat(depth)}` : ''))),
    )
}

/** Around the largest that is allowed, and beyond. */
function largeBody(): fc.Arbitrary<Mutation> {
  return fc
    .oneof(fc.integer({ min: 16_300, max: 16_500 }), fc.integer({ min: 0, max: 60_000 }))
    .map((length) => withText(Buffer.from(`{"holder":"${'x'.repeat(length)}"}`)))
}

const encodings: readonly ((text: Buffer) => Buffer)[] = [
  (text) => gzipSync(text),
  (text) => deflateSync(text),
  (text) => brotliCompressSync(text),
  (text) => Buffer.from(text.toString('utf8'), 'utf16le'),
  (text) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), text]),
  (text) => Buffer.concat([text, Buffer.from([0xff, 0xfe, 0xc0, 0x80])]),
  (text) => Buffer.from(text.toString('base64')),
  (text) => text.subarray(0, text.length >> 1),
  (text) => Buffer.concat([text, text]),
  // A surrogate and an overlong NUL, as bytes.
  (text) => Buffer.from(text.toString('latin1').replaceAll('"', '\xed\xa0\x80"\xc0\x80'), 'latin1'),
]

function otherEncoding(): fc.Arbitrary<Mutation> {
  return fc
    .record({
      encode: fc.constantFrom(...encodings),
      named: fc.constantFrom(null, 'gzip', 'br', 'deflate', 'identity'),
    })
    .map(({ encode, named }) => (draft) => {
      const plain =
        draft.text ?? Buffer.from(`{${(draft.fields ?? []).map(([key, json]) => `"${key}":${json}`).join(',')}}`)
      const header = named === null ? [] : [['Content-Encoding', named] as const]
      return { ...draft, text: encode(plain), headers: [...draft.headers, ...header] }
    })
}

function inChunks(): fc.Arbitrary<Mutation> {
  return fc
    .array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 4_096 })), { minLength: 1, maxLength: 5 })
    .map((chunkSizes) => (draft) => ({ ...draft, chunkSizes }))
}

function otherSegment(): fc.Arbitrary<Mutation> {
  return fc.record({ at: fc.nat(), segment: fc.constantFrom(...oddSegments) }).map(({ at, segment }) => (draft) => ({
    ...draft,
    segments: draft.segments.map((old, index) => (index === at % draft.segments.length ? segment : old)),
  }))
}

function moreSegments(): fc.Arbitrary<Mutation> {
  return fc.record({ at: fc.nat(), segment: fc.constantFrom(...oddSegments) }).map(({ at, segment }) => (draft) => {
    const place = at % (draft.segments.length + 1)
    return { ...draft, segments: [...draft.segments.slice(0, place), segment, ...draft.segments.slice(place)] }
  })
}

function escapedPath(): fc.Arbitrary<Mutation> {
  return fc.nat().map((seed) => (draft) => ({
    ...draft,
    segments: draft.segments.map((segment) =>
      segment.replaceAll(/[a-z]/g, (letter, index: number) =>
        (seed >> (index % 31)) % 3 === 1 ? `%${letter.charCodeAt(0).toString(16)}` : letter,
      ),
    ),
  }))
}

function slashed(draft: Draft): Draft {
  return { ...draft, segments: [...draft.segments, ''] }
}

const anyHeader = fc.constantFrom(...oddHeaders)

function otherHeader(): fc.Arbitrary<Mutation> {
  return anyHeader.map(([name, value]) => (draft) => ({
    ...draft,
    headers: [...draft.headers.filter(([old]) => old.toLowerCase() !== name.toLowerCase()), [name, value]],
  }))
}

/** Beside those that are there: some come twice then. */
function moreHeaders(): fc.Arbitrary<Mutation> {
  return fc
    .oneof(fc.array(anyHeader, { minLength: 1, maxLength: 4 }), manyHeaders())
    .map((more) => (draft) => ({ ...draft, headers: [...draft.headers, ...more] }))
}

function manyHeaders(): fc.Arbitrary<(readonly [string, string])[]> {
  return fc
    .integer({ min: 50, max: 2_100 })
    .map((count) => Array.from({ length: count }, (_none, index) => [`x${index}`, ''] as const))
}

function otherContentType(): fc.Arbitrary<Mutation> {
  return fc.constantFrom(...contentTypes).map((value) => (draft) => ({
    ...draft,
    headers: [...draft.headers.filter(([name]) => name !== 'Content-Type'), ['Content-Type', value]],
  }))
}

/** One thing wrong, or odd, about a request. */
export const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 8, arbitrary: fc.oneof(otherValue(), extraField(), leftOut(), nested(), insideCall()) },
  { weight: 4, arbitrary: fc.oneof(otherBody(), deepBody(), largeBody(), otherEncoding(), inChunks()) },
  { weight: 4, arbitrary: fc.oneof(otherSegment(), moreSegments(), escapedPath(), fc.constant(slashed)) },
  { weight: 3, arbitrary: fc.constantFrom(...oddQueries).map((query) => (draft: Draft) => ({ ...draft, query })) },
  { weight: 2, arbitrary: fc.constantFrom(...oddMethods).map((method) => (draft: Draft) => ({ ...draft, method })) },
  { weight: 4, arbitrary: fc.oneof(otherHeader(), moreHeaders(), otherContentType()) },
)

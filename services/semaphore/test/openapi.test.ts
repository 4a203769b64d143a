import { Validator } from '@seriousme/openapi-schema-validator'
import { errorTable } from '@signalbox/protocol'
import { expect, test } from 'vitest'
import { openService } from './open-service.js'

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object; readonly example: unknown }> }
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>
}
interface Media {
  readonly schema: {
    readonly allOf?: readonly [object, { readonly properties: { readonly code: { readonly enum: string[] } } }]
  }
  readonly example?: unknown
}
interface Document {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
}

async function served() {
  const service = openService()
  const response = await service.call('GET', '/openapi.json')
  expect(response.headers['content-type']).toMatch(/^application\/json/)
  return { service, document: response.json<Document>() }
}

test('the document is valid OpenAPI 3.1', async () => {
  const { document } = await served()
  expect(document.openapi).toBe('3.1.0')
  const result = await new Validator().validate({ ...document })
  expect(result.errors ?? []).toEqual([])
  expect(result.valid).toBe(true)
})

/** Method and path of what Fastify routes, from the tree that it prints: not from the list that the document is made of. */
function routedBy(tree: string): string[] {
  const parents: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', segment, methods = ''] = /^((?:│ {3}| {4})*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    if (segment === undefined) return []
    const depth = indent.length / 4
    parents.splice(depth)
    parents.push(segment)
    const path = parents.join('').replaceAll(/:(\w+)/g, '{$1}')
    return methods.split(', ').map((method) => `${method} ${path}`)
  })
}

test('every route that is served is in it, and no other', async () => {
  const { service, document } = await served()
  const routed = routedBy(service.app.printRoutes({ commonPrefix: false })).filter((route) => !route.startsWith('HEAD'))
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(routed.length).toBeGreaterThan(10)
  expect(documented.sort()).toEqual(routed.sort())
})

test('every code of the table is in it, under its status', async () => {
  const { document } = await served()
  const seen = new Map<string, Set<number>>()
  for (const methods of Object.values(document.paths)) {
    for (const { responses } of Object.values(methods)) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const code of content?.['application/problem+json']?.schema.allOf?.[1].properties.code.enum ?? []) {
          seen.set(code, (seen.get(code) ?? new Set()).add(Number(status)))
        }
      }
    }
  }
  // These two are answers to what is no route, so no route has them.
  const elsewhere = ['ROUTE_NOT_FOUND', 'METHOD_NOT_ALLOWED']
  for (const [code, { status }] of Object.entries(errorTable)) {
    if (!elsewhere.includes(code)) expect([code, [...(seen.get(code) ?? [])]]).toEqual([code, [status]])
  }
})

test('examples are valid where they stand: what it shows as a body is accepted', async () => {
  const { service, document } = await served()
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { requestBody }] of Object.entries(methods)) {
      const example = requestBody?.content['application/json']?.example
      if (example === undefined) continue
      const url = path.replace('{name}', 'example')
      const response = await service.call(method.toUpperCase() as 'POST', url, example)
      expect([response.json<{ code?: string }>().code, `${method} ${path}`]).not.toContain('INVALID_REQUEST')
    }
  }
})

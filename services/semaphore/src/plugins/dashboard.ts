import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics.js'
import { ProblemError } from '../problem.js'

/**
 * The page asks nobody but this service for anything, runs no script and wears no style but its own files, and stands in no frame: whoever
 * gets markup into a holder's label still runs nothing beside the key that the page keeps in memory.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/**
 * Serves the files in `directory` at `/`, to anyone: they hold nothing but the page, and its calls of the API need a key as all do.
 * A route for each file there is, so that every other path stays the problem document that it was. Who asks for `/` and not for HTML
 * (curl, a probe) is told where the API is.
 */
export function serveDashboard(app: FastifyInstance, directory: string, metrics: Metrics): void {
  const answered = metrics.requestsOf('GET', '/')
  void app.register((scope, _options, done) => {
    scope.addHook('onRequest', (request, reply, next) => {
      reply.headers(headers)
      next(isRoot(request.url) ? refusalOfOthers(request, reply) : undefined)
    })
    scope.addHook('onResponse', (_request, reply, next) => {
      answered(reply.statusCode, reply.elapsedTime)
      next()
    })
    // No caching by name or date: `no-store` holds for every reply of the service, and the page is small.
    scope.register(fastifyStatic, {
      root: directory,
      wildcard: false,
      cacheControl: false,
      etag: false,
      lastModified: false,
      acceptRanges: false,
    })
    done()
  })
}

function isRoot(url: string): boolean {
  return /^\/(?:$|\?)/.test(url)
}

function refusalOfOthers(request: FastifyRequest, reply: FastifyReply): ProblemError | undefined {
  reply.header('vary', 'accept')
  if (/\btext\/html\b/i.test(request.headers.accept ?? '')) return undefined
  return new ProblemError(
    'ROUTE_NOT_FOUND',
    'At / is a page for browsers, as text/html; GET /openapi.json lists the routes.',
  )
}

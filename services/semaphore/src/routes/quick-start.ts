import { quickStart } from '../quick-start.js'
import { defineRoute, type Route } from './route.js'

export function quickStartRoute(): Route {
  return defineRoute({
    method: 'GET',
    path: '/quick-start',
    operationId: 'quickStart',
    summary: 'The first ten minutes, with the URL of this service filled in',
    tag: 'service',
    scope: null,
    anyQuery: true,
    replies: [{ status: 200, description: 'Markdown, to be read as it is', contentType: 'text/plain' }],
    codes: [],
    handle({ headers, protocol }, reply) {
      // Plain text: browsers show it instead of saving it, and nothing in it is markup, whatever the Host header holds.
      reply.type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff')
      // A proxy that ends TLS says so; believed by anyone, for it changes no more than the scheme.
      return quickStart(headers.host, protocol === 'https' || headers['x-forwarded-proto'] === 'https')
    },
  })
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics.js'
import { ProblemError } from '../problem.js'
import type { Route } from '../routes/route.js'
import { shown } from '../shown.js'

/** What to say of a request that met no route: that the path has other methods, or that there is no such path. */
export function unroutedRefusal(
  routes: readonly Route[],
  metrics: Metrics,
): (request: FastifyRequest, reply: FastifyReply) => ProblemError {
  const answered = metrics.requestsOf('any', 'unmatched')
  const patterns = routes.map(({ path, method }) => ({
    method,
    matches: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]*')}$`),
  }))
  return ({ url, method, arrivedAtMs }, reply) => {
    reply.raw.once('finish', () => answered(reply.statusCode, performance.now() - arrivedAtMs))
    const path = url.replace(/[?#].*/s, '')
    const known = patterns.filter(({ matches }) => matches.test(path)).map((pattern) => pattern.method)
    if (known.length === 0) {
      const slash = path.startsWith('/v1/semaphores/') ? ' A name has no slash in it, and no path ends with one.' : ''
      return new ProblemError(
        'ROUTE_NOT_FOUND',
        `There is no route ${shown(path)}; GET /openapi.json lists them.${slash}`,
      )
    }
    const allow = known.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])).join(', ')
    reply.header('allow', allow)
    return new ProblemError('METHOD_NOT_ALLOWED', `${shown(path)} has no ${method}; it has ${allow}.`, { allow })
  }
}

import { openApiDocument } from '../openapi.js'
import { acquireRoute } from './acquire.js'
import { batchRoute } from './batch.js'
import type { RouteContext } from './context.js'
import { docsRoute } from './docs.js'
import { eventsRoute } from './events.js'
import { releaseRoute, renewRoute, revokeRoute } from './lease-calls.js'
import { leasesRoute, semaphoresRoute, waitersRoute } from './listings.js'
import { quickStartRoute } from './quick-start.js'
import type { Route } from './route.js'
import { addPermitsRoute, configureRoute, inspectRoute, removeRoute } from './semaphore-calls.js'
import { accessRoute, healthRoute, metricsRoute, openApiRoute, readyRoute } from './service-calls.js'

/** Every route there is: what is not in this list is neither served nor documented. */
export function allRoutes(context: RouteContext): Route[] {
  let text: string | null = null
  const routes: Route[] = [
    acquireRoute(context),
    releaseRoute(context),
    renewRoute(context),
    batchRoute(context),
    addPermitsRoute(context),
    configureRoute(context),
    inspectRoute(context),
    removeRoute(context),
    leasesRoute(context),
    waitersRoute(context),
    revokeRoute(context),
    semaphoresRoute(context),
    accessRoute(),
    eventsRoute(context),
    healthRoute(),
    readyRoute(context),
    metricsRoute(context),
    quickStartRoute(),
    docsRoute(() => routes),
    openApiRoute(() => (text ??= JSON.stringify(openApiDocument(routes)))),
  ]
  return routes
}

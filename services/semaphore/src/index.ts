export { buildApp, type AppOptions } from './app.js'
export { makeApiKey, parseApiKeys, scopes, type ApiKey, type Scope } from './api-keys.js'
export { createMetrics, type Metrics } from './metrics.js'
export { defaultAppSettings, type AppSettings } from './settings.js'

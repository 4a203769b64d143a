# Four stages: the manifests, which change seldom; from them the packages that run and, beside those, the build; the service.
FROM node:24-alpine AS manifests
WORKDIR /signalbox
COPY package.json package-lock.json ./
COPY packages/protocol/package.json packages/protocol/
COPY packages/engine/package.json packages/engine/
COPY packages/client/package.json packages/client/
COPY packages/conformance/package.json packages/conformance/
COPY packages/dashboard/package.json packages/dashboard/
COPY packages/test-redis/package.json packages/test-redis/
COPY services/semaphore/package.json services/semaphore/
COPY benchmarks/package.json benchmarks/
COPY examples/package.json examples/

FROM manifests AS packages
RUN npm ci --omit=dev --workspace @signalbox/semaphore-service --ignore-scripts --no-audit --no-fund

FROM manifests AS build
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.base.json ./
COPY packages packages
COPY services services
RUN node_modules/.bin/tsc -b services/semaphore && npm run build --workspace @signalbox/dashboard

FROM node:24-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=7600
WORKDIR /signalbox
COPY --from=packages /signalbox ./
COPY --from=build /signalbox/packages/protocol/dist packages/protocol/dist
COPY --from=build /signalbox/packages/engine/dist packages/engine/dist
COPY --from=build /signalbox/packages/dashboard/dist packages/dashboard/dist
COPY --from=build /signalbox/services/semaphore/dist services/semaphore/dist
USER node
EXPOSE 7600
# Alive, not ready: a store that is away is no reason to start the service anew.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "require(process.env.SIGNALBOX_TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/healthz', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "services/semaphore/dist/main.js"]

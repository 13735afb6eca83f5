import cors from 'cors'
import express, { type Application, type Request } from 'express'
import helmet from 'helmet'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { securityHeaders, withFixedHeaders } from '../kernel/pipeline/security-headers'
import { type ChannelStreams } from '../kernel/events/channel-streams'
import { bindChannelEvents } from './channel-events'
import { setsCookiesAt } from './cookies'
import { serveDocs } from './docs-pages'
import { type Readiness, serveHealth } from './health'
import { problemErrorHandler, refuseUnknownPath } from './problems'
import { logRequests } from './request-log'
import { apiRoot, bindOperations } from './rest'

export const bodyBytesMax = 32 * 1024

/** Creates the Express application of the REST API. */
export function createExpressApp(pipeline: Pipeline, readiness: Readiness, streams: ChannelStreams): Application {
  const { config, log } = pipeline.app
  const app = express()
  app.disable('x-powered-by')
  // No automatic ETags, because answers depend on the caller: `rest.ts` sets revisions as ETags.
  app.disable('etag')
  app.set('trust proxy', config.trustedProxies)
  app.use(logRequests(log))
  app.use(withFixedHeaders(helmet(securityHeaders)))
  app.use(cors(corsOptions(config.allowedOrigins, setsCookiesAt(pipeline.registry.operations, apiRoot))))
  serveHealth(app, pipeline.app, readiness)
  serveDocs(app, pipeline.registry)
  app.use(apiRoot, (_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  app.use(apiRoot, express.json({ limit: bodyBytesMax, strict: false, type: 'application/json' }))
  bindChannelEvents(app, pipeline, streams)
  bindOperations(app, pipeline)
  app.use(refuseUnknownPath)
  app.use(problemErrorHandler(pipeline))
  return app
}

/** Creates the Express application of a process without an API: health and metrics. */
export function createHealthExpressApp(pipeline: Pipeline): Application {
  const { app: world } = pipeline
  const app = express()
  app.disable('x-powered-by')
  app.use(logRequests(world.log))
  app.use(withFixedHeaders(helmet(securityHeaders)))
  serveHealth(app, world, { draining: false })
  app.use(refuseUnknownPath)
  app.use(problemErrorHandler(pipeline))
  return app
}

/**
 * Allows exactly the configured origins. Authentication uses bearer tokens only, never cookies. Credentials are allowed only
 * where answers set cookies for CloudFront, because browsers discard those otherwise.
 */
const corsOptions =
  (origins: readonly string[], handsOutCookies: (path: string) => boolean): cors.CorsOptionsDelegate<Request> =>
  (request, done) =>
    done(null, {
      origin: [...origins],
      credentials: handsOutCookies(request.path),
      methods: ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: [
        ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'Last-Event-ID'],
        ...['X-Request-Id', 'X-Track-Secret'],
      ],
      exposedHeaders: ['ETag', 'Idempotent-Replayed', 'Retry-After', 'X-Request-Id'],
      maxAge: 600,
    })

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
  const expressApp = express()
  expressApp.disable('x-powered-by')
  // No automatic ETags, because answers depend on the caller: `rest.ts` sets revisions as ETags.
  expressApp.disable('etag')
  expressApp.set('trust proxy', config.trustedProxies)
  expressApp.use(logRequests(log))
  expressApp.use(withFixedHeaders(helmet(securityHeaders)))
  expressApp.use(cors(corsOptions(config.allowedOrigins, setsCookiesAt(pipeline.registry.operations, apiRoot))))
  serveHealth(expressApp, pipeline.app, readiness)
  serveDocs(expressApp, pipeline.registry)
  expressApp.use(apiRoot, (_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  expressApp.use(apiRoot, express.json({ limit: bodyBytesMax, strict: false, type: 'application/json' }))
  bindChannelEvents(expressApp, pipeline, streams)
  bindOperations(expressApp, pipeline)
  expressApp.use(refuseUnknownPath)
  expressApp.use(problemErrorHandler(pipeline))
  return expressApp
}

/** Creates the Express application of a process without an API: health and metrics. */
export function createHealthExpressApp(pipeline: Pipeline): Application {
  const { app } = pipeline
  const expressApp = express()
  expressApp.disable('x-powered-by')
  expressApp.use(logRequests(app.log))
  expressApp.use(withFixedHeaders(helmet(securityHeaders)))
  serveHealth(expressApp, app, { draining: false })
  expressApp.use(refuseUnknownPath)
  expressApp.use(problemErrorHandler(pipeline))
  return expressApp
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

import { createPipeline } from '../kernel/pipeline/pipeline'
import { type Registry } from '../kernel/pipeline/registry'
import { type ChannelStreams } from '../kernel/events/channel-streams'
import { ConfigError, readConfig, readEnvironment } from '../kernel/platform/config'
import { createLog, describeError, type Log } from '../kernel/platform/log'
import { createAppContext, type AppContext } from '../kernel/platform/app-context'
import { type Gateway, openGateway } from '../realtime/gateway'
import { startRelay } from '../realtime/log/relay'
import { registry } from '../skills'
import { createExpressApp, createHealthExpressApp } from './express-app'
import { type Readiness } from './health'
import { closeHttp, createHttpServer, disableKeepAlive, listen } from './http'
import { startJobWorker } from './job-worker'

const redisWaitMs = 2_000
/** Final flush: at most 20 batches of 1,000 events. */
const finalBatchesMax = 20
/** Shutdown time after the drain: 5 s for the sockets to close, 10 s for requests in progress, and a reserve. */
const shutdownMs = 18_000

export interface WebNode extends AsyncDisposable {
  port: number
}

/** Starts a web node: the REST API, the Socket.IO API, and a relay, active or on standby. */
export async function startWeb(app: AppContext, registry: Registry, port: number): Promise<WebNode> {
  const readiness: Readiness = { draining: false }
  const pipeline = createPipeline(app, registry)
  // Both transports share one HTTP server, which listens only after both exist; hence the late binding of `gateway`.
  const streams: ChannelStreams = { open: (...asked) => gateway.channelStreams.open(...asked) }
  const http = createHttpServer(createExpressApp(pipeline, readiness, streams))
  const gateway: Gateway = openGateway(http, pipeline)
  const relay = startRelay(app, registry)
  return {
    port: await listen(http, port),
    [Symbol.asyncDispose]: async () => {
      readiness.draining = true
      disableKeepAlive(http)
      // Stop the relay first, so that another node takes its shards over; the hub still delivers to the sockets of this node.
      await relay[Symbol.asyncDispose]()
      // Keep the port open meanwhile: REST calls and long-polling sockets continue, new connections are refused.
      await gateway.drain()
      const closed = closeHttp(http)
      await gateway[Symbol.asyncDispose]()
      await closed
    },
  }
}

/** Starts a server for health and metrics only, for processes without the web role. */
export async function startHealthServer(app: AppContext, registry: Registry, port: number): Promise<WebNode> {
  const http = createHttpServer(createHealthExpressApp(createPipeline(app, registry)))
  return { port: await listen(http, port), [Symbol.asyncDispose]: () => closeHttp(http) }
}

/** Runs the roles of the configuration until a signal ends the process. */
async function main(): Promise<void> {
  const config = readConfig(readEnvironment())
  const log = createLog(config.logLevel, { roles: config.roles.join(','), pid: process.pid })
  const exitCode = untilStopped(log)
  const app = await createAppContext(config, { log })
  // Start without Redis if it is unavailable: it may recover.
  await app.redis.ready(redisWaitMs).catch(() => log.warn('redis unavailable'))
  const parts: AsyncDisposable[] = [finalFlush(app), app]
  if (config.roles.includes('worker')) parts.unshift(await startJobWorker(app, registry))
  const start = config.roles.includes('web') ? startWeb : startHealthServer
  const node = await start(app, registry, config.port)
  parts.unshift(node)
  log.info({ port: node.port }, 'listening')
  log.info('ready')
  process.send?.('ready')
  const code = await exitCode
  exitWhenLate(log, config.drainSeconds)
  for (const part of parts) await part[Symbol.asyncDispose]()
  log.info('stopped')
  process.exit(code)
}

/** Assigns offsets to events committed after the relay stopped: no other process may be left to do it. */
const finalFlush = ({ channelLog, log }: AppContext): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    try {
      for (let batch = 0; batch < finalBatchesMax && (await channelLog.assignOverdueOffsets(0)) > 0; batch += 1);
    } catch (error) {
      log.warn(describeError(error), 'could not assign offsets to the last events')
    }
  },
})

/** Exits at once on a second signal or when the shutdown takes too long. Committed work is safe. */
function exitWhenLate(log: Log, drainSeconds: number): void {
  const exitNow = (reason: string) => {
    log.warn({ reason }, 'exiting before the shutdown is complete')
    process.exit(1)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => exitNow(signal))
  setTimeout(() => exitNow('timeout'), drainSeconds * 1_000 + shutdownMs).unref()
}

/** Resolves with the exit code: 0 on a signal, 1 on an uncaught error. */
function untilStopped(log: Log): Promise<number> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(0))
    // Stop with the supervisor that forked this process.
    process.on('disconnect', () => resolve(0))
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.fatal({ event, ...describeError(error) }, 'uncaught error, shutting down')
        resolve(1)
      })
  })
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`)
    process.exit(1)
  })

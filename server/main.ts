import { createEngine } from '../kernel/engine'
import { type Product } from '../kernel/product'
import { type Streams } from '../kernel/streams'
import { ConfigFault, readConfig, variablesOfProcess } from '../kernel/world/config'
import { createLog, describeError, type Log } from '../kernel/world/log'
import { createWorld, type World } from '../kernel/world'
import { type Gateway, openGateway } from '../realtime/gateway'
import { startRelay } from '../realtime/log/relay'
import { product } from '../skills'
import { createApp, createStatusApp } from './app'
import { type Readiness } from './health'
import { closeHttp, createHttp, keepNoConnections, listen } from './http'
import { startWorker } from './worker'

const redisWaitMs = 2_000
/** Final flush: at most 20 batches of 1,000 events. */
const finalBatchesMax = 20
/** Shutdown time after the drain: 5 s for the sockets to close, 10 s for requests in progress, and a reserve. */
const shutdownMs = 18_000

export interface WebNode extends AsyncDisposable {
  port: number
}

/** Starts a web node: the REST API, the Socket.IO API, and a relay, active or on standby. */
export async function startWeb(world: World, product: Product, port: number): Promise<WebNode> {
  const readiness: Readiness = { draining: false }
  const engine = createEngine(world, product)
  // Both transports share one HTTP server, which listens only after both exist; hence the late binding of `gateway`.
  const streams: Streams = { open: (...asked) => gateway.streams.open(...asked) }
  const http = createHttp(createApp(engine, readiness, streams))
  const gateway: Gateway = openGateway(http, engine)
  const relay = startRelay(world, product)
  return {
    port: await listen(http, port),
    [Symbol.asyncDispose]: async () => {
      readiness.draining = true
      keepNoConnections(http)
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
export async function startStatus(world: World, product: Product, port: number): Promise<WebNode> {
  const http = createHttp(createStatusApp(createEngine(world, product)))
  return { port: await listen(http, port), [Symbol.asyncDispose]: () => closeHttp(http) }
}

/** Runs the roles of the configuration until a signal ends the process. */
async function main(): Promise<void> {
  const config = readConfig(variablesOfProcess())
  const log = createLog(config.logLevel, { roles: config.roles.join(','), pid: process.pid })
  const exitCode = untilStopped(log)
  const world = await createWorld(config, { log })
  // Start without Redis if it is unavailable: it may recover.
  await world.redis.ready(redisWaitMs).catch(() => log.warn('redis unavailable'))
  const parts: AsyncDisposable[] = [finalFlush(world), world]
  if (config.roles.includes('worker')) parts.unshift(await startWorker(world, product))
  const start = config.roles.includes('web') ? startWeb : startStatus
  const node = await start(world, product, config.port)
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

/** Assigns offsets to events committed after the relay stopped, because relays of the previous release do not. */
const finalFlush = ({ channels, log }: World): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    try {
      for (let batch = 0; batch < finalBatchesMax && (await channels.placeStarving(0)) > 0; batch += 1);
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
    process.stderr.write(`${error instanceof ConfigFault ? error.message : String(error)}\n`)
    process.exit(1)
  })

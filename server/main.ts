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
/** Of a thousand events: what others say meanwhile is theirs. */
const lastRoundsMax = 20
/** After its sockets were told to move: 5 s for those to go, 10 s for requests under way, and some for the rest. */
const lastMinuteMs = 18_000

export interface WebNode extends AsyncDisposable {
  port: number
}

/** One node: the REST door, the Socket.IO door, and a relay that delivers or stands by. */
export async function startWeb(world: World, product: Product, port: number): Promise<WebNode> {
  const readiness: Readiness = { draining: false }
  const engine = createEngine(world, product)
  // The doors share one server: nobody comes in before both are there.
  const streams: Streams = { open: (...asked) => gateway.streams.open(...asked) }
  const http = createHttp(createApp(engine, readiness, streams))
  const gateway: Gateway = openGateway(http, engine)
  const relay = startRelay(world, product)
  return {
    port: await listen(http, port),
    [Symbol.asyncDispose]: async () => {
      readiness.draining = true
      keepNoConnections(http)
      // First, so that another node delivers what this one would have; the hub still tells the sockets that are here.
      await relay[Symbol.asyncDispose]()
      // The port stays open meanwhile: long-polling sockets and calls over REST go on, newcomers are told to go elsewhere.
      await gateway.drain()
      const closed = closeHttp(http)
      await gateway[Symbol.asyncDispose]()
      await closed
    },
  }
}

/** Health and metrics alone, for a process that serves nobody else. */
export async function startStatus(world: World, product: Product, port: number): Promise<WebNode> {
  const http = createHttp(createStatusApp(createEngine(world, product)))
  return { port: await listen(http, port), [Symbol.asyncDispose]: () => closeHttp(http) }
}

/** A process: the roles that its configuration names, until a signal ends it. */
async function main(): Promise<void> {
  const config = readConfig(variablesOfProcess())
  const log = createLog(config.logLevel, { roles: config.roles.join(','), pid: process.pid })
  const ending = untilToldToEnd(log)
  const world = await createWorld(config, { log })
  // A Redis that is away at the start is no reason not to serve: it may come back.
  await world.redis.ready(redisWaitMs).catch(() => log.warn('redis is away'))
  const parts: AsyncDisposable[] = [saidLast(world), world]
  if (config.roles.includes('worker')) parts.unshift(await startWorker(world, product))
  const start = config.roles.includes('web') ? startWeb : startStatus
  const node = await start(world, product, config.port)
  parts.unshift(node)
  log.info({ port: node.port }, 'listening')
  log.info('ready')
  process.send?.('ready')
  const code = await ending
  endAtOnceWhenLate(log, config.drainSeconds)
  for (const part of parts) await part[Symbol.asyncDispose]()
  log.info('ended')
  process.exit(code)
}

/** What was said after the relay had ended gets its place: all that go on may be of the release before, which gives none. */
const saidLast = ({ channels, log }: World): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    try {
      for (let round = 0; round < lastRoundsMax && (await channels.placeStarving(0)) > 0; round += 1);
    } catch (error) {
      log.warn(describeError(error), 'the log was not settled')
    }
  },
})

/** A second signal, or an end that takes too long, cuts whatever is still under way: what was committed is safe. */
function endAtOnceWhenLate(log: Log, drainSeconds: number): void {
  const endNow = (why: string) => {
    log.warn({ why }, 'ending at once')
    process.exit(1)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => endNow(signal))
  setTimeout(() => endNow('too late'), drainSeconds * 1_000 + lastMinuteMs).unref()
}

/** Resolves with the exit code: 0 when asked to end, 1 after an error that nobody expected. */
function untilToldToEnd(log: Log): Promise<number> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(0))
    // A node that was started by a supervisor ends with it.
    process.on('disconnect', () => resolve(0))
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.fatal({ event, ...describeError(error) }, 'unexpected: ending')
        resolve(1)
      })
  })
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof ConfigFault ? error.message : String(error)}\n`)
    process.exit(1)
  })

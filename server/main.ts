import { createServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { createEngine } from '../kernel/engine'
import { type Product } from '../kernel/product'
import { ConfigFault, readConfig, variablesOfProcess } from '../kernel/world/config'
import { createLog, describeError } from '../kernel/world/log'
import { createWorld, type World } from '../kernel/world'
import { openGateway } from '../realtime/gateway'
import { startRelay } from '../realtime/relay'
import { product } from '../skills'
import { createApp } from './app'
import { type Readiness } from './health'
import { startWorker } from './worker'

const redisWaitMs = 2_000
/** Longer than this nobody's request takes: what is left then is cut. */
const drainMs = 20_000

export interface WebNode extends AsyncDisposable {
  port: number
}

/** One node: the REST door, the Socket.IO door, and a relay that delivers or stands by. */
export async function startWeb(world: World, product: Product, port: number): Promise<WebNode> {
  const readiness: Readiness = { draining: false }
  const engine = createEngine(world, product)
  const http = createServer(httpLimits, createApp(engine, readiness))
  http.maxHeadersCount = 100
  const gateway = openGateway(http, engine)
  const relay = startRelay(world, product, gateway.io)
  await listen(http, port)
  return {
    port: (http.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      readiness.draining = true
      await relay[Symbol.asyncDispose]()
      const closed = closeHttp(http)
      await gateway[Symbol.asyncDispose]()
      await closed
    },
  }
}

/** Node checks its own timeouts only every `connectionsCheckingInterval`, 30 s by default. */
const httpLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  // Longer than the proxy keeps a connection, so that it is never closed under a request on its way.
  keepAliveTimeout: 75_000,
}

async function listen(http: HttpServer, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, resolve)
  })
}

/** Lets requests under way finish; connections that only wait are closed at once. */
async function closeHttp(http: HttpServer): Promise<void> {
  const closed = new Promise<void>(resolve => http.close(() => resolve()))
  const idle = setInterval(() => http.closeIdleConnections(), 50)
  const late = setTimeout(() => http.closeAllConnections(), drainMs)
  http.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(late)
}

/** A process: the roles that its configuration names, until a signal ends it. */
async function main(): Promise<void> {
  const config = readConfig(variablesOfProcess())
  const log = createLog(config.logLevel, { roles: config.roles.join(','), pid: process.pid })
  const ending = untilToldToEnd(log)
  const world = await createWorld(config, { log })
  // A Redis that is away at the start is no reason not to serve: it may come back.
  await world.redis.ready(redisWaitMs).catch(() => log.warn('redis is away'))
  const parts: AsyncDisposable[] = [world]
  if (config.roles.includes('worker')) parts.unshift(await startWorker(world, product))
  if (config.roles.includes('web')) {
    const node = await startWeb(world, product, config.port)
    parts.unshift(node)
    log.info({ port: node.port }, 'listening')
  }
  log.info('ready')
  process.send?.('ready')
  const code = await ending
  for (const part of parts) await part[Symbol.asyncDispose]()
  log.info('ended')
  process.exit(code)
}

/** Resolves with the exit code: 0 when asked to end, 1 after an error that nobody expected. */
function untilToldToEnd(log: ReturnType<typeof createLog>): Promise<number> {
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

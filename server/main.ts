import { createEngine } from '../kernel/engine'
import { type Product } from '../kernel/product'
import { ConfigFault, readConfig, variablesOfProcess } from '../kernel/world/config'
import { createLog, describeError } from '../kernel/world/log'
import { createWorld, type World } from '../kernel/world'
import { openGateway } from '../realtime/gateway'
import { startRelay } from '../realtime/relay'
import { product } from '../skills'
import { createApp, createStatusApp } from './app'
import { type Readiness } from './health'
import { closeHttp, createHttp, listen } from './http'
import { startWorker } from './worker'

const redisWaitMs = 2_000

export interface WebNode extends AsyncDisposable {
  port: number
}

/** One node: the REST door, the Socket.IO door, and a relay that delivers or stands by. */
export async function startWeb(world: World, product: Product, port: number): Promise<WebNode> {
  const readiness: Readiness = { draining: false }
  const engine = createEngine(world, product)
  const http = createHttp(createApp(engine, readiness))
  const gateway = openGateway(http, engine)
  const relay = await startRelay(world, product, gateway.io)
  return {
    port: await listen(http, port),
    [Symbol.asyncDispose]: async () => {
      readiness.draining = true
      await relay[Symbol.asyncDispose]()
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
  const parts: AsyncDisposable[] = [world]
  if (config.roles.includes('worker')) parts.unshift(await startWorker(world, product))
  const start = config.roles.includes('web') ? startWeb : startStatus
  const node = await start(world, product, config.port)
  parts.unshift(node)
  log.info({ port: node.port }, 'listening')
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

import { readConfig } from '../../kernel/world/config'
import { createWorld } from '../../kernel/world'
import { startWeb } from '../../server/main'
import { chaosProduct } from './product'

const redisWaitMs = 1_000

/** Runs a node as `server/main.ts` does, plus the boards, until a signal stops it. */
async function main(): Promise<void> {
  const ending = new Promise<number>(resolve => {
    process.once('SIGTERM', () => resolve(0))
    for (const unexpected of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(unexpected, (error: unknown) => {
        console.error(unexpected, error)
        resolve(1)
      })
  })
  const config = readConfig(process.env)
  const world = await createWorld(config)
  await world.redis.ready(redisWaitMs).catch(() => undefined)
  const node = await startWeb(world, chaosProduct, config.port)
  const code = await ending
  for (const part of [node, world]) await part[Symbol.asyncDispose]()
  process.exit(code)
}

void main()

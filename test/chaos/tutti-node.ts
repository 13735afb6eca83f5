import { readConfig } from '../../kernel/platform/config'
import { createAppContext } from '../../kernel/platform/app-context'
import { startWeb } from '../../server/main'
import { chaosRegistry } from './registry'

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
  const app = await createAppContext(config)
  await app.redis.ready(redisWaitMs).catch(() => undefined)
  const node = await startWeb(app, chaosRegistry, config.port)
  const code = await ending
  for (const part of [node, app]) await part[Symbol.asyncDispose]()
  process.exit(code)
}

void main()

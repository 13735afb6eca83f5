import { readConfig } from '../../kernel/platform/config'
import { type PresenceTimings } from '../../kernel/platform/presence-store'
import { createAppContext } from '../../kernel/platform/app-context'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'

/** A node in a child process, with the presence times of its argument. Sends its port to the parent and exits with it. */
async function main(): Promise<void> {
  process.on('disconnect', () => process.exit(0))
  const presence = JSON.parse(process.argv[2] ?? '') as PresenceTimings
  const app = await createAppContext(readConfig(process.env), { presence })
  await app.redis.ready(10_000)
  const { port } = await startWeb(app, registry, 0)
  process.send?.(port)
}

void main()

import { readConfig } from '../../kernel/world/config'
import { type PresenceTimes } from '../../kernel/world/presence'
import { createWorld } from '../../kernel/world'
import { startWeb } from '../../server/main'
import { product } from '../../skills'

/** A node in a child process, with the presence times of its argument. Sends its port to the parent and exits with it. */
async function main(): Promise<void> {
  process.on('disconnect', () => process.exit(0))
  const presence = JSON.parse(process.argv[2] ?? '') as PresenceTimes
  const world = await createWorld(readConfig(process.env), { presence })
  await world.redis.ready(10_000)
  const { port } = await startWeb(world, product, 0)
  process.send?.(port)
}

void main()

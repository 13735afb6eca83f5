import { join } from 'node:path'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { type CatchUp, positionAsText } from '../../kernel/stream'
import { announce, numbers } from '../announce'
import { privateFolder } from '../dev/processes-fixture/private-folder'
import { until } from '../kernel/until'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'
import { EventReader } from './sse'

let folder: Awaited<ReturnType<typeof privateFolder>>
let redis: Redis
let world: TestWorld
let ann: Person
let url: string
let channel: string
beforeAll(async () => {
  folder = await privateFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  world = await freshWorld({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  ann = await world.person('ann', { node: 0 })
  channel = `user:${ann.id}`
  url = `${world.nodes[1]?.url ?? ''}/api/v1/channels/${channel}/events`
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const poll = async (query: string) => {
  const response = await fetch(url + query, { headers: { authorization: `Bearer ${ann.token}` } })
  return ((await response.json()) as { data: CatchUp }).data
}

it('without Redis a stream goes on, new ones open, and long-polls are answered', async () => {
  await using open = await EventReader.open(url, ann.token)
  await open.first('following')
  await announce(world.world, channel, [1])
  await until(() => open.offsets.length === 1)

  await redis.stop()
  await announce(world.world, channel, [2, 3])
  await until(() => open.offsets.length === 3)
  await using late = await EventReader.open(url, ann.token, { 'last-event-id': open.messages[0]?.id ?? '' })
  await until(() => late.offsets.length === 3)
  const { epoch, top } = await poll('')
  const answer = poll(`?after=${positionAsText({ epoch, offset: top })}&wait=25`)
  await announce(world.world, channel, [4])
  expect((await answer).events.map(({ offset }) => offset)).toEqual([top + 1])

  await redis.restart()
  await announce(world.world, channel, [5])
  for (const { world: node } of world.nodes) await until(() => node.redis.subscriber.status === 'ready')
  await announce(world.world, channel, [6])
  for (const reader of [open, late]) {
    await until(() => reader.offsets.length === 6)
    expect(reader.offsets).toEqual(numbers(1, 7))
  }
})

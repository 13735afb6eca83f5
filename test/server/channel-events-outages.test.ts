import { join } from 'node:path'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { type CatchUp } from '../../kernel/events/frames'
import { formatPosition } from '../../kernel/events/position'
import { emitNumbers, numberRange } from '../emit-numbers'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { EventReader } from './event-reader'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let ann: Person
let url: string
let channel: string
beforeAll(async () => {
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  ann = await testApp.signIn('ann', { node: 0 })
  channel = `user:${ann.id}`
  url = `${testApp.nodes[1]?.url ?? ''}/api/v1/channels/${channel}/events`
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const poll = async (query: string) => {
  const response = await fetch(url + query, { headers: { authorization: `Bearer ${ann.token}` } })
  return ((await response.json()) as { data: CatchUp }).data
}

it('streams continue, new ones open and long-polls are answered without Redis', async () => {
  await using open = await EventReader.open(url, ann.token)
  await open.waitFor('followed')
  await emitNumbers(testApp.app, channel, [1])
  await waitUntil(() => open.offsets.length === 1)

  await redis.stop()
  await emitNumbers(testApp.app, channel, [2, 3])
  await waitUntil(() => open.offsets.length === 3)
  await using late = await EventReader.open(url, ann.token, { 'last-event-id': open.messages[0]?.id ?? '' })
  await waitUntil(() => late.offsets.length === 3)
  const { epoch, latestOffset: top } = await poll('')
  const answer = poll(`?after=${formatPosition({ epoch, offset: top })}&wait=25`)
  await emitNumbers(testApp.app, channel, [4])
  expect((await answer).events.map(({ offset }) => offset)).toEqual([top + 1])

  await redis.restart()
  await emitNumbers(testApp.app, channel, [5])
  for (const { app: node } of testApp.nodes) await waitUntil(() => node.redis.subscriber.status === 'ready')
  await emitNumbers(testApp.app, channel, [6])
  for (const reader of [open, late]) {
    await waitUntil(() => reader.offsets.length === 6)
    expect(reader.offsets).toEqual(numberRange(1, 7))
  }
})

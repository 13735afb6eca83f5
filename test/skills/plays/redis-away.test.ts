import { join } from 'node:path'
import { type Redis, startRedis } from '../../../dev/processes/redis'
import { openPlay } from '../../../skills/plays/open-play'
import { tellProgress } from '../../../skills/plays/tell-progress'
import { privateFolder } from '../../dev/processes-fixture/private-folder'
import { makeTrack } from '../../factories'
import { freshWorld, type TestWorld } from '../../world'
import { listening } from './stage'

let folder: Awaited<ReturnType<typeof privateFolder>>
let redis: Redis
let world: TestWorld
beforeAll(async () => {
  folder = await privateFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  world = await freshWorld({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

it('without Redis plays are counted, and one listener is one', async () => {
  const ann = await world.person('ann')
  const [bob, there] = [await world.person('bob', { node: 0 }), await world.person('bob', { node: 1 })]
  const [trackId, other] = [(await makeTrack(ann.id)).id, (await makeTrack(ann.id)).id]
  const early = await bob.call(openPlay, { trackId: other })
  const one = await bob.call(openPlay, { trackId })
  await redis.stop()
  world.clock.advance(31_000)
  const told = (playId: string) => ({ playId, positionMs: 0, listenedMs: 31_000, isOver: true })
  expect(await bob.call(tellProgress, told(one.id))).toMatchObject({ outcome: 'counted' })
  expect(await there.call(tellProgress, told(early.id))).toMatchObject({ outcome: 'concurrent' })
  const again = await there.call(openPlay, { trackId })
  world.clock.advance(31_000)
  expect(await bob.call(tellProgress, told(again.id))).toMatchObject({ outcome: 'repeated' })
  expect(await listening(world).totals(ann, trackId)).toEqual({ counted: 1, repeated: 1 })
})

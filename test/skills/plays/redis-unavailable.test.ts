import { join } from 'node:path'
import { type Redis, startRedis } from '../../../dev/processes/redis'
import { startPlay } from '../../../skills/plays/start-play'
import { reportProgress } from '../../../skills/plays/report-progress'
import { createTemporaryFolder } from '../../dev/processes-fixture/create-temporary-folder'
import { makeTrack } from '../../factories'
import { createTestApp, type TestApp } from '../../test-app'
import { createPlayHelpers } from './play-helpers'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
beforeAll(async () => {
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

it('plays are counted without Redis, and one listener still counts once', async () => {
  const ann = await testApp.signIn('ann')
  const [bob, otherNode] = [await testApp.signIn('bob', { node: 0 }), await testApp.signIn('bob', { node: 1 })]
  const [trackId, other] = [(await makeTrack(ann.id)).id, (await makeTrack(ann.id)).id]
  const early = await bob.call(startPlay, { trackId: other })
  const one = await bob.call(startPlay, { trackId })
  await redis.stop()
  testApp.clock.advance(31_000)
  const reportOf = (playId: string) => ({ playId, positionMs: 0, listenedMs: 31_000, ended: true })
  expect(await bob.call(reportProgress, reportOf(one.id))).toMatchObject({ outcome: 'counted' })
  expect(await otherNode.call(reportProgress, reportOf(early.id))).toMatchObject({ outcome: 'concurrent' })
  const again = await otherNode.call(startPlay, { trackId })
  testApp.clock.advance(31_000)
  expect(await bob.call(reportProgress, reportOf(again.id))).toMatchObject({ outcome: 'repeated' })
  expect(await createPlayHelpers(testApp).totals(ann, trackId)).toEqual({ counted: 1, repeated: 1 })
})

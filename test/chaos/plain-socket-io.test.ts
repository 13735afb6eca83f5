import { startCluster } from './cluster'
import { killNodes, redisDown3 } from './experiments'
import { startScenario } from './scenario'

/** What the same oracle says of the same faults when Socket.IO and its Redis adapter are all there is: it can say no. */
it('plain Socket.IO with the Redis adapter loses events when Redis is away and when a node is killed', async () => {
  await using arena = await startCluster('bare')
  await using scene = await startScenario(arena, { clients: 18 })
  const calm = await scene.runExperiment('calm', async () => [])
  expect(calm.violations).toEqual([])

  const loseRedis = () => scene.runExperiment(redisDown3.name, () => redisDown3.inject(scene, 1_000))
  let away = await loseRedis()
  // Where the subscriber happens to be back before the publisher sends what it has queued, nothing is lost for once.
  for (let tries = 1; away.holes === 0 && tries < 5; tries += 1) away = await loseRedis()
  expect(away.holes).toBeGreaterThan(0)
  expect(away.violations).toContainEqual(expect.stringMatching(/^hole /))

  const killed = await scene.runExperiment(killNodes.name, () => killNodes.inject(scene, 2_000))
  expect(killed.holes).toBeGreaterThan(away.holes)
}, 60_000)

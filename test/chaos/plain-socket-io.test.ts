import { startCluster } from './cluster'
import { killNodes, redisDown3 } from './experiments'
import { startScenario } from './scenario'

/** The control experiment: with only Socket.IO and its Redis adapter, the oracle must find losses. */
it('plain Socket.IO with the Redis adapter loses events when Redis is away and when a node is killed', async () => {
  await using scenario = await startCluster('bare')
  await using scene = await startScenario(scenario, { clients: 18 })
  const options = await scene.runExperiment('calm', async () => [])
  expect(options.violations).toEqual([])

  const loseRedis = () => scene.runExperiment(redisDown3.name, () => redisDown3.inject(scene, 1_000))
  let away = await loseRedis()
  // If the subscriber reconnects before the publisher flushes its queue, no event is lost: try again.
  for (let tries = 1; away.holes === 0 && tries < 5; tries += 1) away = await loseRedis()
  expect(away.holes).toBeGreaterThan(0)
  expect(away.violations).toContainEqual(expect.stringMatching(/^hole /))

  const killed = await scene.runExperiment(killNodes.name, () => killNodes.inject(scene, 2_000))
  expect(killed.holes).toBeGreaterThan(away.holes)
}, 60_000)

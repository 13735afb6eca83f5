import { type Cluster, startCluster } from '../chaos/cluster'
import {
  connectionsCut,
  type Experiment,
  freezeRelay,
  killNodes,
  killRelay,
  longTransaction,
  postgresRestarted,
  redisDown2,
  redisDownHalf,
  redisPubSubCut,
  redisFrozen,
  redisRestarted,
  redisWiped,
  relayConnectionCut,
  revokedWithoutRedis,
  rollingDrain,
  slowClients,
  reconnectStorm,
  transportsSwitched,
} from '../chaos/experiments'
import { startScenario, type Scenario } from '../chaos/scenario'

/** The short versions; `npm run chaos` runs longer ones, with more clients, and in pairs. */
let arena: Cluster
let scene: Scenario
beforeAll(async () => {
  arena = await startCluster('tutti')
  scene = await startScenario(arena, { clients: 24 })
}, 60_000)
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await arena[Symbol.asyncDispose]()
}, 30_000)

async function play({ name, inject }: Experiment, ms: number, on = scene) {
  const { events, deliveries, resets, violations } = await on.runExperiment(name, () => inject(on, ms))
  expect({ violations, resets }).toEqual({ violations: [], resets: 0 })
  expect(events).toBeGreaterThan(0)
  expect(deliveries).toBeGreaterThan(events)
}

describe('every follower applies every event, once and in order, when', () => {
  const onTheWhole: [Experiment, number][] = [
    [killNodes, 1_500],
    [killRelay, 1_500],
    [freezeRelay, 1_000],
    [redisRestarted, 800],
    [redisDownHalf, 800],
    [redisDown2, 800],
    [redisFrozen, 1_500],
    [redisWiped, 800],
    [redisPubSubCut, 800],
    [postgresRestarted, 1_000],
    [relayConnectionCut, 800],
    [longTransaction, 300],
    [connectionsCut, 1_000],
    [rollingDrain, 4_000],
  ]
  it.each(onTheWhole.map(([experiment, ms]) => [experiment.name, experiment, ms] as const))(
    '%s',
    (_name, experiment, ms) => play(experiment, ms),
    60_000,
  )

  it.each([
    [slowClients.name, slowClients, 3_000, 20],
    [transportsSwitched.name, transportsSwitched, 1_500, 24],
    [reconnectStorm.name, reconnectStorm, 1_500, 150],
  ] as const)(
    '%s',
    async (_name, experiment, ms, clients) => {
      await using other = await startScenario(arena, { ...experiment.scene, clients })
      await play(experiment, ms, other)
    },
    60_000,
  )
})

it('a session revoked while Redis is away receives nothing more', () => play(revokedWithoutRedis, 500), 60_000)

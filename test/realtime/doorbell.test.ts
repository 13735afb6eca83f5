import { announce } from '../announce'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

it('the last event of a channel is found though Redis told one node nothing of it, and nothing follows', async () => {
  const ann = await world.person('ann', { node: 0 })
  const bob = await world.person('bob', { node: 1 })
  const channel = `track:${(await makeTrack(ann.id)).id}`
  const [told, untold] = [await ann.hear(channel), await bob.hear(channel)]
  await announce(world.world, channel, [1])
  for (const ear of [told, untold]) await ear.all(world.world)

  const node = world.nodes[1]?.world ?? world.world
  const gaps = async () => (await node.metrics.gaps.get()).values
  const before = await gaps()
  // Behind the back of the node, which believes that it hears what is said there.
  const topic = node.channelCache.topic(channel)
  await node.redis.subscriber.unsubscribe(topic)
  expect(await world.world.redis.commands.pubsub('NUMSUB', topic)).toEqual([topic, 1])
  await announce(world.world, channel, [2])
  expect((await told.all(world.world)).map(({ offset }) => offset)).toEqual([1, 2])

  // Redis is well, and brings nothing that would show the hole: tops are compared from time to time.
  await until(() => untold.events.length > 1)
  expect(untold.events).toEqual(told.events)
  expect(await gaps()).toEqual(before)
}, 30_000)

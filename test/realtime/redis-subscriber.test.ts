import { emitNumbers } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

it('the last event of a channel is found although one node received no notification of it and no event follows', async () => {
  const ann = await testApp.signIn('ann', { node: 0 })
  const bob = await testApp.signIn('bob', { node: 1 })
  const channel = `track:${(await makeTrack(ann.id)).id}`
  const [subscribed, unsubscribed] = [await ann.recordEvents(channel), await bob.recordEvents(channel)]
  await emitNumbers(testApp.app, channel, [1])
  for (const recorder of [subscribed, unsubscribed]) await recorder.waitForAll(testApp.app)

  const node = testApp.nodes[1]?.app ?? testApp.app
  const gaps = async () => (await node.metrics.logGaps.get()).values
  const before = await gaps()
  // Without the node noticing: it assumes that it is subscribed.
  const topic = node.channelCache.topic(channel)
  await node.redis.subscriber.unsubscribe(topic)
  expect(await testApp.app.redis.commands.pubsub('NUMSUB', topic)).toEqual([topic, 1])
  await emitNumbers(testApp.app, channel, [2])
  expect((await subscribed.waitForAll(testApp.app)).map(({ offset }) => offset)).toEqual([1, 2])

  // Redis is available and nothing else shows the gap: latest offsets are compared periodically.
  await waitUntil(() => unsubscribed.events.length > 1)
  expect(unsubscribed.events).toEqual(subscribed.events)
  expect(await gaps()).toEqual(before)
}, 30_000)

import { createServer } from 'node:http'
import { createEngine } from '../../kernel/engine'
import { type Refusal, refusals } from '../../kernel/refusals'
import { type StreamFrame } from '../../kernel/stream'
import { type StreamEar, type StreamWish } from '../../kernel/streams'
import { createWorld } from '../../kernel/world'
import { readConfig } from '../../kernel/world/config'
import { type Gateway, openGateway } from '../../realtime/gateway'
import { openStreams, type StreamParts } from '../../realtime/streams'
import { product } from '../../skills'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { announce } from '../announce'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
let ann: Person
let bob: Person
let gateway: Gateway
let streamsWith: (parts?: Partial<StreamParts>) => ReturnType<typeof openStreams>
const parts: AsyncDisposable[] = []
beforeAll(async () => {
  world = await freshWorld({ nodes: 1 })
  ann = await world.person('ann')
  bob = await world.person('bob')
  const own = await createWorld(readConfig(world.variables), {
    ...{ clock: world.clock, log: world.world.log, database: world.world.db },
  })
  const engine = createEngine(own, product)
  gateway = openGateway(createServer(), engine)
  parts.push(gateway, own, world)
  const { hub, sessions } = gateway
  streamsWith = more =>
    openStreams(engine, { hub, sessions, stateOf: async () => ({}), listenState: () => () => undefined, ...more })
})
afterAll(async () => {
  for (const part of parts) await part[Symbol.asyncDispose]()
})

class Ear implements StreamEar {
  readonly frames: StreamFrame[] = []
  readonly said: string[] = []
  onFrame = (frame: StreamFrame) => void this.frames.push(frame)
  onState = () => void this.said.push('state')
  onClosed = ({ kind }: Refusal) => void this.said.push(kind.code)
  onRestarted = () => void this.said.push('restarted')
  onMoving = () => void this.said.push('moving')
}

const wish = (channel: string, of: Person): StreamWish => ({
  channel,
  actor: { id: of.id, roles: [] },
  identity: { subject: of.name, roles: [], issuedAt: world.clock.now(), expiresAt: world.clock.now() + 3_600_000 },
  requestId: 'test',
})

it('hears what happens while the log is read', async () => {
  const channel = `user:${ann.id}`
  const { hub } = gateway
  const heard: StreamFrame[] = []
  const hold = await hub.hold(channel)
  hub.listen(channel, frame => heard.push(frame))
  // The window between the read and its answer, held open until this node has heard of the next event.
  const catchUp: StreamParts['hub']['catchUp'] = async (...asked) => {
    const caught = await hub.catchUp(...asked)
    await announce(world.world, channel, [1])
    await until(() => heard.length === 1)
    return caught
  }
  const streams = streamsWith({ hub: { hold: of => hub.hold(of), listen: (...on) => hub.listen(...on), catchUp } })
  const ear = new Ear()
  const stream = await streams.open(wish(channel, ann), ear)
  expect(ear.frames.flatMap(({ events }) => events.map(({ offset }) => offset))).toEqual([stream.first.top + 1])
  stream.close()
  await announce(world.world, channel, [2])
  await until(() => heard.length === 2)
  expect(ear.frames).toHaveLength(1)
  hold.release()
})

it('lets go of what it holds when it cannot be opened', async () => {
  const channel = `user:${ann.id}`
  const failing = streamsWith({ stateOf: () => Promise.reject(new Error('not now')) })
  await expect(failing.open(wish(channel, ann), new Ear())).rejects.toThrow('not now')
  expect(() => gateway.hub.listen(channel, () => undefined)).toThrow('not subscribed to')
  await expect(streamsWith().open(wish(channel, bob), new Ear())).rejects.toMatchObject({ kind: refusals.forbidden })
  expect(() => gateway.hub.listen(channel, () => undefined)).toThrow('not subscribed to')
})

it('asks again for the right of those in doubt alone, and says nothing after the end', async () => {
  const track = `track:${(await makeTrack(ann.id)).id}`
  const streams = streamsWith()
  const [anns, bobs] = [new Ear(), new Ear()]
  const open = [await streams.open(wish(track, ann), anns), await streams.open(wish(track, bob), bobs)]
  await ann.call(blockProfile, { profileId: bob.id })
  await streams.askRightsAgain({ profileId: ann.id })
  expect(bobs.said).toEqual([])
  await streams.askRightsAgain({ channel: track, profileId: bob.id })
  await streams.askRightsAgain({ channel: track })
  expect([anns.said, bobs.said]).toEqual([[], ['not_found']])
  await announce(world.world, track, [1])
  await until(() => anns.frames.length === 1)
  expect(bobs.frames).toEqual([])
  for (const stream of open) stream.close()
})

it('tells those who follow a channel that it began anew, and all that the node goes away', async () => {
  const streams = streamsWith()
  const [anns, bobs] = [new Ear(), new Ear()]
  const open = [
    await streams.open(wish(`user:${ann.id}`, ann), anns),
    await streams.open(wish(`user:${bob.id}`, bob), bobs),
  ]
  streams.restarted(`user:${ann.id}`)
  await streams.moveAll(0)
  expect([anns.said, bobs.said]).toEqual([['restarted', 'moving'], ['moving']])
  const late = streams.open(wish(`user:${bob.id}`, bob), new Ear())
  await expect(late).rejects.toMatchObject({ kind: refusals.moving, more: { retryAfter: 1 } })
  for (const stream of open) stream.close()
})

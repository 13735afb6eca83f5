import { createServer } from 'node:http'
import { createPipeline } from '../../kernel/pipeline/pipeline'
import { type Refusal, refusals } from '../../kernel/pipeline/refusals'
import { type EventFrame } from '../../kernel/events/frames'
import { type ChannelStreamListener, type ChannelStreamRequest } from '../../kernel/events/channel-streams'
import { createAppContext } from '../../kernel/platform/app-context'
import { readConfig } from '../../kernel/platform/config'
import { type Gateway, openGateway } from '../../realtime/gateway'
import { createChannelStreams, type ChannelStreamsOptions } from '../../realtime/channel-streams'
import { registry } from '../../skills'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { emitNumbers } from '../emit-numbers'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let gateway: Gateway
let streamsWith: (parts?: Partial<ChannelStreamsOptions>) => ReturnType<typeof createChannelStreams>
const parts: AsyncDisposable[] = []
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  const app = await createAppContext(readConfig(testApp.variables), {
    ...{ clock: testApp.clock, log: testApp.app.log, database: testApp.app.db },
  })
  const pipeline = createPipeline(app, registry)
  gateway = openGateway(createServer(), pipeline)
  parts.push(gateway, app, testApp)
  const { hub, sessions } = gateway
  streamsWith = more =>
    createChannelStreams(pipeline, {
      hub,
      sessions,
      readState: async () => ({}),
      listenState: () => () => undefined,
      ...more,
    })
})
afterAll(async () => {
  for (const part of parts) await part[Symbol.asyncDispose]()
})

class StreamRecorder implements ChannelStreamListener {
  readonly frames: EventFrame[] = []
  readonly calls: string[] = []
  onFrame = (frame: EventFrame) => void this.frames.push(frame)
  onState = () => void this.calls.push('state')
  onClosed = ({ kind }: Refusal) => void this.calls.push(kind.code)
  onEpochChanged = () => void this.calls.push('restarted')
  onDraining = () => void this.calls.push('moving')
}

const streamRequest = (channel: string, of: Person): ChannelStreamRequest => ({
  channel,
  actor: { id: of.id, roles: [] },
  identity: { subject: of.name, roles: [], issuedAt: testApp.clock.now(), expiresAt: testApp.clock.now() + 3_600_000 },
  requestId: 'test',
})

it('receives events that are emitted while the log is read', async () => {
  const channel = `user:${ann.id}`
  const { hub } = gateway
  const received: EventFrame[] = []
  const subscription = await hub.subscribe(channel)
  hub.listen(channel, frame => received.push(frame))
  // Keep the window between the read and its result open until this node has received the next event.
  const catchUp: ChannelStreamsOptions['hub']['catchUp'] = async (...args) => {
    const caught = await hub.catchUp(...args)
    await emitNumbers(testApp.app, channel, [1])
    await waitUntil(() => received.length === 1)
    return caught
  }
  const streams = streamsWith({
    hub: { subscribe: of => hub.subscribe(of), listen: (...on) => hub.listen(...on), catchUp },
  })
  const recorder = new StreamRecorder()
  const stream = await streams.open(streamRequest(channel, ann), recorder)
  expect(recorder.frames.flatMap(({ events }) => events.map(({ offset }) => offset))).toEqual([
    stream.first.latestOffset + 1,
  ])
  stream.close()
  await emitNumbers(testApp.app, channel, [2])
  await waitUntil(() => received.length === 2)
  expect(recorder.frames).toHaveLength(1)
  subscription.release()
})

it('releases its subscription if it cannot be opened', async () => {
  const channel = `user:${ann.id}`
  const failing = streamsWith({ readState: () => Promise.reject(new Error('not now')) })
  await expect(failing.open(streamRequest(channel, ann), new StreamRecorder())).rejects.toThrow('not now')
  expect(() => gateway.hub.listen(channel, () => undefined)).toThrow('not subscribed to')
  await expect(streamsWith().open(streamRequest(channel, bob), new StreamRecorder())).rejects.toMatchObject({
    kind: refusals.forbidden,
  })
  expect(() => gateway.hub.listen(channel, () => undefined)).toThrow('not subscribed to')
})

it('re-checks access of revoked viewers only, and emits nothing after the end', async () => {
  const track = `track:${(await makeTrack(ann.id)).id}`
  const streams = streamsWith()
  const [anns, bobs] = [new StreamRecorder(), new StreamRecorder()]
  const open = [
    await streams.open(streamRequest(track, ann), anns),
    await streams.open(streamRequest(track, bob), bobs),
  ]
  await ann.call(blockProfile, { profileId: bob.id })
  await streams.recheckAccess({ profileId: ann.id })
  expect(bobs.calls).toEqual([])
  await streams.recheckAccess({ channel: track, profileId: bob.id })
  await streams.recheckAccess({ channel: track })
  expect([anns.calls, bobs.calls]).toEqual([[], ['not_found']])
  await emitNumbers(testApp.app, track, [1])
  await waitUntil(() => anns.frames.length === 1)
  expect(bobs.frames).toEqual([])
  for (const stream of open) stream.close()
})

it('notifies followers of a restarted channel, and all streams when the node drains', async () => {
  const streams = streamsWith()
  const [anns, bobs] = [new StreamRecorder(), new StreamRecorder()]
  const open = [
    await streams.open(streamRequest(`user:${ann.id}`, ann), anns),
    await streams.open(streamRequest(`user:${bob.id}`, bob), bobs),
  ]
  streams.channelRestarted(`user:${ann.id}`)
  await streams.moveAll(0)
  expect([anns.calls, bobs.calls]).toEqual([['restarted', 'moving'], ['moving']])
  const late = streams.open(streamRequest(`user:${bob.id}`, bob), new StreamRecorder())
  await expect(late).rejects.toMatchObject({ kind: refusals.draining, extras: { retryAfter: 1 } })
  for (const stream of open) stream.close()
})

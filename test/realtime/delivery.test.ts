import { randomUUID } from 'node:crypto'
import { io } from 'socket.io-client'
import { Client } from 'pg'
import { event } from '../../kernel/event'
import { newId } from '../../kernel/ids'
import { type Problem } from '../../kernel/refusals'
import { count, id, shape } from '../../kernel/schema'
import { transact } from '../../kernel/transact'
import { forgetDelivered, lastPlace } from '../../realtime/event-order'
import { product } from '../../skills'
import { likeTrack } from '../../skills/interactions/like-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { makeTrack } from '../factories'
import { until } from '../kernel/until'
import { type Ear, type Heard, type Person } from '../people'
import { freshWorld, type TestWorld } from '../world'

let world: TestWorld
let ann: Person
let bob: Person
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann', { node: 0 })
  bob = await world.person('bob', { node: 1 })
})
afterAll(() => world[Symbol.asyncDispose]())

const counted = event({
  name: 'test.counted',
  summary: 'Something was counted.',
  payload: shape({ trackId: id, rev: count }),
  channels: ({ trackId }) => [`track:${trackId}`],
})

/** The revisions that the counts of a track had, from the first that was heard. They grow by one with every change. */
function steps(ear: Ear): number[] {
  const revs = ear.events.map(({ data }) => (data.counts as { rev: number }).rev)
  return revs.map(rev => rev - (revs[0] ?? 0))
}

describe('events', () => {
  it('reach followers on both nodes in one order, each exactly once, whoever causes them where', async () => {
    const track = await makeTrack(ann.id)
    const ears = await Promise.all([ann.hear(`track:${track.id}`), bob.hear(`track:${track.id}`)])
    const crowd = await Promise.all(Array.from({ length: 4 }, (_, index) => world.person(`fan${index}`)))
    const rounds = 5
    await Promise.all(
      crowd.map(async fan => {
        for (let round = 0; round < rounds; round += 1) {
          await fan.call(likeTrack, { trackId: track.id })
          await fan.call(unlikeTrack, { trackId: track.id })
        }
      }),
    )
    const expected = crowd.length * rounds * 2
    for (const ear of ears) {
      await until(() => ear.events.length >= expected)
      // Any hole, repeat or swap would show.
      expect(steps(ear)).toEqual(Array.from({ length: expected }, (_, index) => index))
      expect(new Set(ear.events.map(({ id }) => id)).size).toBe(expected)
    }
    expect(ears[0].events).toEqual(ears[1].events)
  })

  it('of one transaction travel in one frame, in order', async () => {
    const track = await makeTrack(ann.id)
    const channel = `track:${track.id}`
    const socket = await bob.socket()
    const frames: Heard[][] = []
    await bob.hear(channel)
    socket.on('events', (frame: { channel: string; events: Heard[] }) => {
      if (frame.channel === channel) frames.push(frame.events)
    })
    const call = { world: world.world, product, actor: null, requestId: randomUUID() }
    await transact(call, async ({ emit }) => {
      for (let rev = 1; rev <= 60; rev += 1) await emit(counted, { trackId: track.id, rev })
    })
    await until(() => frames.length > 0)
    expect(frames).toHaveLength(1)
    expect(frames[0]?.map(({ data }) => data.rev)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    expect(Object.keys(frames[0]?.[0] ?? {}).sort()).toEqual(['at', 'data', 'id', 'name'])
    expect(frames[0]?.[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('that are delivered are forgotten after a while, save for the last place', async () => {
    const seat = new Client({ connectionString: world.variables.DATABASE_URL })
    await seat.connect()
    const last = await lastPlace(seat)
    expect(Number(last)).toBeGreaterThan(1)
    await seat.query(`update event_log set placed_at = now() - interval '1 hour'`)
    await forgetDelivered(seat)
    expect((await seat.query('select position from event_log')).rows).toEqual([{ position: last }])
    await seat.end()
  })
})

it('a node that lost its place does not pretend: its sockets must come again, and do', async () => {
  const track = await makeTrack(ann.id)
  const socket = await ann.socket()
  const left = new Promise<string>(resolve => socket.once('disconnect', resolve))
  await world.world.db.query(
    `insert into event_log (position, id, name, at, channels, data)
     select max(position) + 5, :id, 'a.b', now(), '[]', '{}' from event_log`,
    { id: newId(new Date()) },
  )
  // Any reason but `io server disconnect`, after which a client does not come back by itself.
  expect(await left).toBe('transport close')
  await until(() => socket.connected)
  const heard = await ann.hear(`track:${track.id}`)
  await bob.call(likeTrack, { trackId: track.id })
  await heard.first('interactions.trackLiked')
})

it('a socket is closed when its token has expired, and hears nothing after', async () => {
  const token = await world.issuer.tokenFor('ann', { ttlSeconds: 60 })
  // Expired already, but for the seconds that clocks may differ.
  world.clock.advance(62_500)
  const url = world.nodes[0]?.url ?? ''
  const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true, reconnection: false })
  const heard: unknown[] = []
  socket.on('events', frame => heard.push(frame))
  const told = new Promise<Problem>(resolve => socket.once('session.closed', resolve))
  const left = new Promise<string>(resolve => socket.once('disconnect', resolve))
  await new Promise<void>(resolve => socket.once('connect', resolve))
  expect(await socket.emitWithAck('channel.follow', { input: { channel: `user:${ann.id}` } })).toHaveProperty('data')
  expect(await told).toMatchObject({ status: 401, code: 'token_expired' })
  expect(await left).toBe('io server disconnect')

  const other = await ann.hear(`user:${ann.id}`)
  const track = await makeTrack(ann.id)
  await bob.call(likeTrack, { trackId: track.id })
  await other.first('interactions.trackLiked', data => data.trackId === track.id)
  expect(heard).toEqual([])
})

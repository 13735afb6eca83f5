import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from 'pg'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { type Actor } from '../../kernel/pipeline/actor'
import { execute } from '../../kernel/pipeline/execute'
import { type AnyOperation } from '../../kernel/pipeline/operation'
import { counterWindowMs } from '../../kernel/events/counter'
import { type Track } from '../../models'
import { findDirtyTargets, flushCounters } from '../../realtime/state/flush-counters'
import { registry } from '../../skills'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { reconcileTrackCounts } from '../../skills/interactions/reconcile-track-counts'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { listNotifications } from '../../skills/notifications/list-notifications'
import { getTrack } from '../../skills/tracks/get-track'
import { readLoggedData } from '../emit-numbers'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { type Person } from '../person'
import { StateRecorder } from '../state-recorder'
import { createTestApp, type TestApp } from '../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** People without clients, who act on the nodes in turn. */
async function createActors(many: number): Promise<Actor[]> {
  const run = randomUUID().slice(0, 8)
  const rows = await testApp.app.db.query<{ id: string }>(
    `insert into profiles (id, subject, handle, display_name, created_at)
     select gen_random_uuid(), :run || n, 'c' || n || '_' || :run, 'One of many', now() from generate_series(1, :many) n
     returning id`,
    { run, many },
  )
  return rows.map(({ id }) => ({ id, roles: [] }))
}

let nodeIndex = 0
async function runOperation(op: AnyOperation, actor: Actor, trackId: string): Promise<void> {
  const { app: node } = testApp.nodes[(nodeIndex += 1) % testApp.nodes.length] ?? testApp
  await execute(node, registry, op, { input: { trackId }, actor, ipAddress: '127.0.0.1', requestId: randomUUID() })
}

/** Runs all actions, 24 at a time. */
async function runAll(actions: readonly (() => Promise<void>)[]): Promise<void> {
  const rest = [...actions]
  const some = async () => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await next()
  }
  await Promise.all(Array.from({ length: 24 }, some))
}

async function ownClient(): Promise<Client> {
  const client = new Client({ connectionString: testApp.variables.DATABASE_URL })
  await client.connect()
  return client
}

/** Locks the row of the track until the returned function is called. */
async function holdTrack({ id }: Track) {
  const client = await ownClient()
  await client.query('begin')
  await client.query('select from tracks where id = $1 for no key update', [id])
  return async () => {
    await client.query('commit')
    await client.end()
  }
}

const revOf = async ({ id }: Track) => (await ann.call(getTrack, { trackId: id })).counts.rev
const countOf = async (table: 'likes' | 'counter_changes') =>
  Number((await testApp.app.db.query<{ count: string }>(`select count(*) from ${table}`))[0]?.count)

it('1,200 likes of one track cost one update and one frame per window, and are counted exactly', async () => {
  const track = await makeTrack(ann.id)
  const recorders = [
    await StateRecorder.follow(ann, `track:${track.id}`),
    await StateRecorder.follow(bob, `track:${track.id}`),
  ]
  const fans = await createActors(1_200)
  const began = testApp.clock.now()
  await runAll(fans.map(fan => () => runOperation(likeTrack, fan, track.id)))
  const [unliking, liking] = [fans.slice(0, 300), fans.slice(300)]
  await runAll([
    ...unliking.map(fan => () => runOperation(unlikeTrack, fan, track.id)),
    ...liking.slice(0, 100).map(fan => () => runOperation(likeTrack, fan, track.id)),
  ])
  for (const recorder of recorders) await recorder.waitFor('counts', { likes: liking.length })
  const windowsMax = Math.ceil((testApp.clock.now() - began) / counterWindowMs) + 1
  await testApp.applyCounters()

  const { counts } = await ann.call(getTrack, { trackId: track.id })
  expect(counts).toEqual({ likes: liking.length, reposts: 0, comments: 0, rev: counts.rev })
  expect(counts.rev - 1).toBeLessThanOrEqual(windowsMax)
  for (const recorder of recorders) {
    expect(recorder.latest('counts')).toEqual(counts)
    expect(recorder.frames.length).toBeLessThanOrEqual(windowsMax)
  }
  // The artist is also notified once per window, of everyone.
  const [group, ...others] = await ann.call(listNotifications, {})
  expect(others).toEqual([])
  expect(group).toMatchObject({ kind: 'liked', actorCount: liking.length })
  const channel = `user:${ann.id}`
  const events = await readLoggedData(testApp.app, `channel = :channel and name like 'notifications.%'`, { channel })
  expect(events.length).toBeLessThanOrEqual(windowsMax)
})

it('a like waits neither for the track, nor for its artist, nor for a flush', async () => {
  const track = await makeTrack(ann.id)
  await bob.call(likeTrack, { trackId: track.id })
  await testApp.applyCounters()
  const holder = await ownClient()
  await holder.query('begin')
  await holder.query('select from tracks where id = $1 for no key update', [track.id])
  await holder.query('select from notification_inboxes where profile_id = $1 for update', [ann.id])
  await holder.query('select from channels where name = $1 for update', [`user:${ann.id}`])
  for (const [likes, name] of [...['cat', 'dan', 'eve'].entries()]) {
    const fan = await testApp.signIn(name)
    expect(await fan.call(likeTrack, { trackId: track.id })).toMatchObject({
      liked: true,
      counts: { likes: likes + 2 },
    })
  }
  await holder.query('commit')
  await holder.end()
  await testApp.applyCounters()
  expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 4 } })
})

it('comments reach the same state, and nothing is counted twice', async () => {
  const track = await makeTrack(ann.id)
  const recorder = await StateRecorder.follow(bob, `track:${track.id}`)
  await ann.call(addComment, { trackId: track.id, body: 'First', positionMs: 0 })
  await recorder.waitFor('counts', { comments: 1, rev: 2 })
  await Promise.all([
    bob.call(likeTrack, { trackId: track.id }),
    bob.call(addComment, { trackId: track.id, body: 'Second', positionMs: 0 }),
  ])
  await recorder.waitFor('counts', { comments: 2, likes: 1 })
  await testApp.applyCounters()
  expect(await revOf(track)).toBe(4)
})

it('pending changes are not reported as drift', async () => {
  const track = await makeTrack(ann.id)
  const releaseTrack = await holdTrack(track)
  await bob.call(likeTrack, { trackId: track.id })
  await testApp.app.jobs.enqueue(reconcileTrackCounts, {})
  await testApp.runJobs()
  const { values } = await testApp.app.metrics.counterDrift.get()
  expect(values.map(({ value }) => value)).toEqual(values.map(() => 0))
  await releaseTrack()
  await testApp.applyCounters()
  expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 1, rev: 2 } })
})

describe('a flusher', () => {
  /** Connections of flushing transactions that have taken pending changes and wait for a lock. */
  const blockedFlushers = () =>
    testApp.app.db.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
       and query like '%for no key update%'`,
    )

  it('that is killed before it commits applies nothing, and another one applies it once', async () => {
    const track = await makeTrack(ann.id)
    const recorder = await StateRecorder.follow(ann, `track:${track.id}`)
    const fans = await createActors(20)
    const releaseTrack = await holdTrack(track)
    await runAll(fans.map(fan => () => runOperation(likeTrack, fan, track.id)))
    for (let round = 0; round < 3; round += 1) {
      await waitUntil(async () => (await blockedFlushers()).length > 0)
      for (const { pid } of await blockedFlushers())
        await testApp.app.db.query('select pg_terminate_backend(:pid)', { pid })
      testApp.clock.advance(10_000)
      expect(await countOf('counter_changes')).toBe(20)
    }
    await releaseTrack()
    await recorder.waitFor('counts', { likes: 20 })
    const [group] = await ann.call(listNotifications, { limit: 1 })
    expect(group).toMatchObject({ actorCount: 20, track: { id: track.id } })
  })

  it('that loses its connection is replaced by another node', async () => {
    const track = await makeTrack(ann.id)
    const recorder = await StateRecorder.follow(bob, `track:${track.id}`)
    for (let likes = 1; likes <= 3; likes += 1) {
      const [fan = { id: '', roles: [] }] = await createActors(1)
      await testApp.app.db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'tutti-flusher' and datname = current_database()`,
      )
      await runOperation(likeTrack, fan, track.id)
      await recorder.waitFor('counts', { likes })
    }
  })

  it('does not overlap with a second one: each change is applied once', async () => {
    const track = await makeTrack(ann.id)
    const fans = await createActors(150)
    const flusherPid = await ownClient()
    let isStopped = false
    const race = async () => {
      while (!isStopped)
        await Promise.all(
          testApp.nodes.map(async ({ app: node }) =>
            flushCounters(node, registry, await findDirtyTargets(flusherPid, registry)),
          ),
        )
    }
    const running = race()
    await runAll(
      fans.flatMap(fan => [likeTrack, unlikeTrack, likeTrack].map(op => () => runOperation(op, fan, track.id))),
    )
    // Whichever of the three was first, the track is liked in the end.
    await runAll(fans.map(fan => () => runOperation(likeTrack, fan, track.id)))
    isStopped = true
    await running
    await flusherPid.end()
    await testApp.applyCounters()
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: fans.length } })
    const [group] = await ann.call(listNotifications, { limit: 1 })
    expect(group).toMatchObject({ actorCount: fans.length, track: { id: track.id } })
  })
})

it('a block between like and count hides the name from the artist, but keeps the like in the count', async () => {
  const track = await makeTrack(ann.id)
  const blocked = await testApp.signIn('pest')
  const releaseTrack = await holdTrack(track)
  await blocked.call(likeTrack, { trackId: track.id })
  await testApp.app.db.query('insert into blocks (blocker_id, blocked_id, created_at) values (:ann, :pest, now())', {
    ann: ann.id,
    pest: blocked.id,
  })
  await releaseTrack()
  await testApp.applyCounters()
  const { counts } = await ann.call(getTrack, { trackId: track.id })
  expect(counts.likes).toBe(1)
  const listed = await ann.call(listNotifications, { limit: 3 })
  expect(listed.filter(({ track: of }) => of?.id === track.id)).toEqual([])
})

it('foreign messages on the channels between nodes are harmless', async () => {
  const track = await makeTrack(ann.id)
  const channel = `track:${track.id}`
  const recorder = await StateRecorder.follow(bob, channel)
  const { publisher } = testApp.app.redis
  const messages = ['', '{', 'null', '[]', '7', '"x"', '{"counts":7}', '{"counts":null}', '{"counts":{"rev":"9"}}']
  for (const message of messages) {
    await publisher.publish(testApp.app.stateCache.topic(channel), message)
    await publisher.publish(testApp.app.counters.topic, message)
  }
  await ann.call(likeTrack, { trackId: track.id })
  await recorder.waitFor('counts', { likes: 1, rev: 2 })
  expect(recorder.frames.every(({ values }) => typeof values.counts?.likes === 'number')).toBe(true)
})

it('an outdated copy in Redis is detected', async () => {
  const track = await makeTrack(ann.id)
  const channel = `track:${track.id}`
  await bob.call(likeTrack, { trackId: track.id })
  await testApp.applyCounters()
  const stale = { likes: 0, reposts: 0, comments: 0, rev: 1 }
  const key = `state:${channel}`
  await testApp.app.redis.commands.hset(key, 'counts', JSON.stringify(stale), 'rev:counts', 1)
  const recorder = await StateRecorder.follow(bob, channel)
  await recorder.waitFor('counts', { likes: 1, rev: 2 })
  const later = await StateRecorder.follow(ann, channel)
  expect(later.initial).toMatchObject({ counts: { likes: 1, rev: 2 } })
})

describe('without Redis', () => {
  let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
  let redis: Redis
  let withoutRedis: TestApp
  beforeAll(async () => {
    folder = await createTemporaryFolder()
    redis = await startRedis({ folder: join(folder.path, 'redis') })
    withoutRedis = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  })
  afterAll(async () => {
    await withoutRedis[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  it('followers on both nodes receive the newest value, also late ones, and after its return', async () => {
    const cat = await withoutRedis.signIn('cat', { node: 0 })
    const dan = await withoutRedis.signIn('dan', { node: 1 })
    const { id: trackId } = await makeTrack(cat.id)
    const recorders = [
      await StateRecorder.follow(cat, `track:${trackId}`),
      await StateRecorder.follow(dan, `track:${trackId}`),
    ]
    const all = async (counts: Record<string, unknown>) => {
      for (const recorder of recorders) await recorder.waitFor('counts', counts)
    }
    await dan.call(likeTrack, { trackId })
    await all({ likes: 1 })
    await redis.stop()
    await cat.call(likeTrack, { trackId })
    await all({ likes: 2 })
    const eve = await withoutRedis.signIn('eve', { node: 1 })
    expect((await StateRecorder.follow(eve, `track:${trackId}`)).initial).toMatchObject({ counts: { likes: 2 } })
    await dan.call(unlikeTrack, { trackId })
    await all({ likes: 1 })
    await redis.restart()
    await eve.call(likeTrack, { trackId })
    await all({ likes: 2 })
    for (const { app: node } of withoutRedis.nodes) await waitUntil(() => node.redis.subscriber.status === 'ready')
    await dan.call(likeTrack, { trackId })
    await all({ likes: 3, rev: 6 })
  })
})

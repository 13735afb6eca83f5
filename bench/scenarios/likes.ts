import { setTimeout as pause } from 'node:timers/promises'
import { spreadOf } from '../judge'
import { type TestBench } from '../test-bench'
import { mapConcurrently } from '../load/load-client'
import { makeTracks } from '../fixtures'
import { InvalidMeasurement } from '../measure-pairs'
import { nowUs } from '../servers/server'
import { atMost, type MeasuredFigure, type Scenario } from './scenario'

const likers = 2_000
const followerCount = 20
const perSecond = 1_000
const windowMs = 200
/** Tracks liked first, while the JIT compiles. */
const warmUps = 3
/** Calls in flight: 1,000/s at 64 ms each. */
const atOnce = 64
const settleWithinMs = 5_000

/** A track liked by many at once: frames sent to its followers, and updates of its row. */
export const likes: Scenario = {
  name: 'likes',
  figures: [
    {
      name: 'likes-frames',
      title: `Frames per like and follower, up to ${perSecond.toLocaleString('en')} likes/s`,
      unit: 'frames',
      goal: atMost(0.01),
    },
    { name: 'likes-updates', title: `Updates of the track's row per ${windowMs} ms`, unit: 'updates', goal: atMost(1) },
  ],

  // PostgreSQL does much of the work: do not let it share a core with the load clients.
  measure: lab => lab.withUnpinnedDatabase(() => measureLikes(lab)),
}

async function measureLikes(lab: TestBench): Promise<MeasuredFigure[]> {
  const [owner = { id: '', subject: '' }] = lab.people
  const [trackId = '', ...others] = await makeTracks(lab.db, owner, 1 + warmUps)
  // Two nodes on any core: this measures the number of frames and updates, not speed.
  const nodes = [
    await lab.startServer('tutti', { isUnpinned: true }),
    await lab.startServer('tutti', { isUnpinned: true }),
  ]
  const half = likers / nodes.length
  const crowd = (await Promise.all(nodes.map((node, index) => lab.connectClients(node, half, index * half)))).flat()
  const followers = (
    await Promise.all(nodes.map((node, index) => lab.connectClients(node, followerCount / 2, likers + index * 10)))
  ).flat()
  // Alternate between the nodes.
  const inTurn = crowd.map((_, index) => crowd[(index % 2) * half + (index >> 1)] ?? crowd[0])
  for (const other of others) {
    await mapConcurrently(inTurn, atOnce, async client =>
      client?.callOrThrow('interactions.likeTrack', { trackId: other }),
    )
    await untilCounted(lab, other)
  }
  let frames = 0
  await mapConcurrently(followers, followerCount, client =>
    client.callOrThrow('channel.follow', { channel: `track:${trackId}` }),
  )
  for (const follower of followers) follower.onEvents = () => (frames += 1)

  const before = await updatesOfTracks(lab)
  const startUs = nowUs()
  await mapConcurrently(inTurn, atOnce, async (client, index) => {
    const earlyMs = (index * 1_000) / perSecond - (nowUs() - startUs) / 1_000
    if (earlyMs > 0) await pause(earlyMs)
    await client?.callOrThrow('interactions.likeTrack', { trackId })
  })
  const tookMs = (nowUs() - startUs) / 1_000
  await untilCounted(lab, trackId)
  // PostgreSQL updates its statistics once a second.
  await pause(1_500)
  const updates = (await updatesOfTracks(lab)) - before
  for (const node of nodes) await node.stop()
  return [
    {
      name: 'likes-frames',
      result: spreadOf([frames / likers / followerCount]),
      ours: `${frames / followerCount} frames for ${likers.toLocaleString('en')} likes`,
      remarks: [
        `${((likers / tookMs) * 1_000).toFixed(0)} likes/s, ${((frames / followerCount / tookMs) * 1_000).toFixed(1)} frames/s per follower`,
        'the final count was exact',
      ],
    },
    {
      name: 'likes-updates',
      result: spreadOf([updates / (tookMs / windowMs)]),
      ours: `${updates} updates in ${(tookMs / 1_000).toFixed(1)} s`,
      remarks: [],
    },
  ]
}

async function updatesOfTracks({ db }: TestBench): Promise<number> {
  const { rows } = await db.query<{ updates: string }>(
    `select n_tup_upd as updates from pg_stat_user_tables where relname = 'tracks'`,
  )
  return Number(rows[0]?.updates ?? 0)
}

async function untilCounted({ db }: TestBench, trackId: string): Promise<void> {
  const deadline = Date.now() + settleWithinMs
  for (;;) {
    const { rows } = await db.query<{ count: number }>('select like_count as count from tracks where id = $1', [
      trackId,
    ])
    const count = rows[0]?.count ?? 0
    if (count === likers) return
    if (Date.now() > deadline) throw new InvalidMeasurement(`the track counts ${count} likes instead of ${likers}`)
    await pause(100)
  }
}

import { setTimeout as pause } from 'node:timers/promises'
import { spreadOf } from '../judge'
import { type Lab } from '../lab'
import { eachOf } from '../load/client'
import { makeTracks } from '../people'
import { Void } from '../rounds'
import { nowUs } from '../subjects/subject'
import { atMost, type Measured, type Scenario } from './scenario'

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
  promises: [
    {
      name: 'likes-frames',
      title: `Frames per like and follower, up to ${perSecond.toLocaleString('en')} likes/s`,
      unit: 'frames',
      goal: atMost(0.01),
    },
    { name: 'likes-updates', title: `Updates of the track's row per ${windowMs} ms`, unit: 'updates', goal: atMost(1) },
  ],

  // PostgreSQL does much of the work: do not let it share a core with the load clients.
  measure: lab => lab.spreadOut(() => measureLikes(lab)),
}

async function measureLikes(lab: Lab): Promise<Measured[]> {
  const [owner = { id: '', subject: '' }] = lab.people
  const [trackId = '', ...others] = await makeTracks(lab.db, owner, 1 + warmUps)
  // Two nodes on any core: this measures the number of frames and updates, not speed.
  const nodes = [await lab.start('tutti', { isFree: true }), await lab.start('tutti', { isFree: true })]
  const half = likers / nodes.length
  const crowd = (await Promise.all(nodes.map((node, index) => lab.crowd(node, half, index * half)))).flat()
  const followers = (
    await Promise.all(nodes.map((node, index) => lab.crowd(node, followerCount / 2, likers + index * 10)))
  ).flat()
  // Alternate between the nodes.
  const inTurn = crowd.map((_, index) => crowd[(index % 2) * half + (index >> 1)] ?? crowd[0])
  for (const other of others) {
    await eachOf(inTurn, atOnce, async client => client?.ask('interactions.likeTrack', { trackId: other }))
    await untilCounted(lab, other)
  }
  let frames = 0
  await eachOf(followers, followerCount, client => client.ask('channel.follow', { channel: `track:${trackId}` }))
  for (const follower of followers) follower.hears = () => (frames += 1)

  const before = await updatesOfTracks(lab)
  const startUs = nowUs()
  await eachOf(inTurn, atOnce, async (client, index) => {
    const earlyMs = (index * 1_000) / perSecond - (nowUs() - startUs) / 1_000
    if (earlyMs > 0) await pause(earlyMs)
    await client?.ask('interactions.likeTrack', { trackId })
  })
  const tookMs = (nowUs() - startUs) / 1_000
  await untilCounted(lab, trackId)
  // PostgreSQL updates its statistics once a second.
  await pause(1_500)
  const updates = (await updatesOfTracks(lab)) - before
  for (const node of nodes) await node.end()
  return [
    {
      name: 'likes-frames',
      figure: spreadOf([frames / likers / followerCount]),
      ours: `${frames / followerCount} frames for ${likers.toLocaleString('en')} likes`,
      remarks: [
        `${((likers / tookMs) * 1_000).toFixed(0)} likes/s, ${((frames / followerCount / tookMs) * 1_000).toFixed(1)} frames/s per follower`,
        'the final count was exact',
      ],
    },
    {
      name: 'likes-updates',
      figure: spreadOf([updates / (tookMs / windowMs)]),
      ours: `${updates} updates in ${(tookMs / 1_000).toFixed(1)} s`,
      remarks: [],
    },
  ]
}

async function updatesOfTracks({ db }: Lab): Promise<number> {
  const { rows } = await db.query<{ updates: string }>(
    `select n_tup_upd as updates from pg_stat_user_tables where relname = 'tracks'`,
  )
  return Number(rows[0]?.updates ?? 0)
}

async function untilCounted({ db }: Lab, trackId: string): Promise<void> {
  const deadline = Date.now() + settleWithinMs
  for (;;) {
    const { rows } = await db.query<{ count: number }>('select like_count as count from tracks where id = $1', [
      trackId,
    ])
    const count = rows[0]?.count ?? 0
    if (count === likers) return
    if (Date.now() > deadline) throw new Void(`the track counts ${count} likes instead of ${likers}`)
    await pause(100)
  }
}

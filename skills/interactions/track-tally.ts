import { id, optional, shape, type Value, whole } from '../../kernel/schema'
import { tally, type Waiting } from '../../kernel/tally'
import { type World } from '../../kernel/world'
import { trackCounts } from '../streaming/views'
import { reactionsCounted } from './events'
import { netActs } from './net-acts'

type Counts = Value<typeof trackCounts>

/** Who did what, as a step of a count; nothing when a count has moved already and is only to be told. */
const step = shape({ actorId: optional(id), likes: optional(whole(-1, 1)), reposts: optional(whole(-1, 1)) })
export type Step = Value<typeof step>

export const trackTally = tally({
  name: 'interactions.trackCounts',
  summary: 'How many like, have passed on and commented a track.',
  kind: 'track',
  key: 'counts',
  change: step,
  value: trackCounts,

  async settle(waiting, { world, emit }) {
    const settled = await addUp(waiting, world)
    const owners = new Map(settled.map(({ trackId, ownerId }) => [trackId, ownerId]))
    const acts = netActs(waiting).flatMap(act => {
      const ownerId = owners.get(act.trackId)
      return ownerId === undefined ? [] : { ...act, ownerId }
    })
    await emit(reactionsCounted, { trackIds: [...owners.keys()], acts })
    return new Map(settled.map(({ trackId, counts }) => [trackId, counts]))
  },

  async read(trackIds, { db }) {
    const rows = await db.read<Counts & { trackId: string }>({
      name: 'track-counts',
      text: `select ${columns} from tracks t where id = any($1)`,
      values: [trackIds],
    })
    return new Map(rows.map(({ trackId, ...counts }) => [trackId, counts]))
  },
})

const columns = `
  t.id as "trackId", t.like_count as likes, t.repost_count as reposts, t.comment_count as comments, t.counts_rev as rev`

/**
 * One update for each track, under the lock that every change of its counts takes, in the order of their ids. Also where
 * the steps cancel each other out the revision grows: answers in between have told the counts with some of them.
 */
async function addUp(waiting: readonly Waiting<Step>[], { db }: World): Promise<Settled[]> {
  const sums = new Map<string, { id: string; likes: number; reposts: number; revs: number }>()
  for (const { targetId, change } of waiting) {
    const { likes = 0, reposts = 0 } = change
    const sum = sums.get(targetId) ?? { id: targetId, likes: 0, reposts: 0, revs: 0 }
    const hasMoved = likes !== 0 || reposts !== 0
    sums.set(targetId, {
      id: targetId,
      likes: sum.likes + likes,
      reposts: sum.reposts + reposts,
      revs: hasMoved ? 1 : sum.revs,
    })
  }
  await db.query('select id from tracks where id in (:ids) order by id for no key update', { ids: [...sums.keys()] })
  const rows = await db.query<Counts & Omit<Settled, 'counts'>>(update, { sums: JSON.stringify([...sums.values()]) })
  return rows.map(({ trackId, ownerId, ...counts }) => ({ trackId, ownerId, counts }))
}

interface Settled {
  trackId: string
  ownerId: string
  counts: Counts
}

/** Never below 0: a count that had drifted is repaired at night, and must not hold up the others. */
const update = `
  with sum as (
    select * from jsonb_to_recordset(cast(:sums as jsonb)) as sum (id uuid, likes integer, reposts integer, revs integer)
  ), moved as (
    update tracks t set
      like_count = greatest(t.like_count + sum.likes, 0),
      repost_count = greatest(t.repost_count + sum.reposts, 0),
      counts_rev = t.counts_rev + 1
    from sum where t.id = sum.id and sum.revs > 0
    returning ${columns}, t.owner_id as "ownerId"
  )
  select * from moved
  union all
  select ${columns}, t.owner_id from tracks t join sum on sum.id = t.id and sum.revs = 0`

/** SQL: what waits to be added to the counts of a track (`likes`, `reposts`). `track` is a column. */
export const waitingSteps = (track: string, limit = ''): string => `
  select cast(coalesce(sum(cast(change->>'likes' as integer)), 0) as integer) as likes,
    cast(coalesce(sum(cast(change->>'reposts' as integer)), 0) as integer) as reposts
  from (
    select change from tally_changes
    where target_id = ${track} and tally = 'interactions.trackCounts' ${limit}
  ) as waiting`

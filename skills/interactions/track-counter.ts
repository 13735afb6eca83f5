import { id, optional, shape, type Value, integer } from '../../kernel/pipeline/schema'
import { counter } from '../../kernel/events/counter'
import { type CounterChange } from '../../kernel/events/counter-change'
import { type Context } from '../../kernel/pipeline/context'
import { type AppContext } from '../../kernel/platform/app-context'
import { type Track } from '../../models'
import { trackCounts } from '../tracks/views'
import { reactionsCounted } from './events'

type Counts = Value<typeof trackCounts>

/** One reaction as a counter change; empty when the row's count was changed directly and only needs to be published. */
const change = shape({ actorId: optional(id), likes: optional(integer(-1, 1)), reposts: optional(integer(-1, 1)) })
type ReactionChange = Value<typeof change>

export const trackCounter = counter({
  name: 'interactions.trackCounts',
  summary: 'Likes, reposts and comments of a track',
  channelKind: 'track',
  stateKey: 'counts',
  change,
  value: trackCounts,

  async apply(changes, { app, emit }) {
    const applied = await applyChanges(changes, app)
    const owners = new Map(applied.map(({ trackId, ownerId }) => [trackId, ownerId]))
    const reactions = collapseReactions(changes).flatMap(reaction => {
      const ownerId = owners.get(reaction.trackId)
      return ownerId === undefined ? [] : { ...reaction, ownerId }
    })
    await emit(reactionsCounted, { trackIds: [...owners.keys()], reactions })
    return new Map(applied.map(({ trackId, counts }) => [trackId, counts]))
  },

  async read(trackIds, { db }) {
    const rows = await db.readCommitted<Counts & { trackId: string }>({
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
 * One update per track, under its row lock, which every change of its counts takes, in id order. `counts_rev` grows even if
 * the changes cancel each other out, because responses in between contained counts that include some of them.
 */
async function applyChanges(changes: readonly CounterChange<ReactionChange>[], { db }: AppContext): Promise<Applied[]> {
  const sums = new Map<string, { id: string; likes: number; reposts: number; revs: number }>()
  for (const {
    targetId,
    change: { likes = 0, reposts = 0 },
  } of changes) {
    const sum = sums.get(targetId) ?? { id: targetId, likes: 0, reposts: 0, revs: 0 }
    const hasChanged = likes !== 0 || reposts !== 0
    sums.set(targetId, {
      id: targetId,
      likes: sum.likes + likes,
      reposts: sum.reposts + reposts,
      revs: hasChanged ? 1 : sum.revs,
    })
  }
  await db.query('select id from tracks where id in (:ids) order by id for no key update', { ids: [...sums.keys()] })
  const rows = await db.query<Counts & Omit<Applied, 'counts'>>(update, { sums: JSON.stringify([...sums.values()]) })
  return rows.map(({ trackId, ownerId, ...counts }) => ({ trackId, ownerId, counts }))
}

interface Applied {
  trackId: string
  ownerId: string
  counts: Counts
}

/** Clamps at 0: a count that has drifted is repaired at night and must not fail the batch. */
const update = `
  with sum as (
    select * from jsonb_to_recordset(cast(:sums as jsonb)) as sum (id uuid, likes integer, reposts integer, revs integer)
  ), updated as (
    update tracks t set
      like_count = greatest(t.like_count + sum.likes, 0),
      repost_count = greatest(t.repost_count + sum.reposts, 0),
      counts_rev = t.counts_rev + 1
    from sum where t.id = sum.id and sum.revs > 0
    returning ${columns}, t.owner_id as "ownerId"
  )
  select * from updated
  union all
  select ${columns}, t.owner_id from tracks t join sum on sum.id = t.id and sum.revs = 0`

/** Sums the changes per person, track and kind, in the order of the last change; leaves out those that cancel out. */
function collapseReactions(changes: readonly CounterChange<ReactionChange>[]): NetReaction[] {
  const sums = new Map<string, Omit<NetReaction, 'added'> & { sum: number }>()
  for (const { targetId: trackId, change } of changes) {
    const { actorId, likes, reposts } = change
    if (actorId === undefined) continue
    for (const [kind, by] of [['liked', likes] as const, ['reposted', reposts] as const]) {
      if (by === undefined) continue
      const key = `${kind} ${trackId} ${actorId}`
      const sum = (sums.get(key)?.sum ?? 0) + by
      // Delete first: the map keeps insertion order, so the entry moves to the end.
      sums.delete(key)
      sums.set(key, { trackId, actorId, kind, sum })
    }
  }
  return [...sums.values()]
    .filter(({ sum }) => sum !== 0)
    .map(({ sum, ...reaction }) => ({ ...reaction, added: sum > 0 }))
}

/** The net effect of one person's likes and unlikes, or reposts and unreposts, of a track within a batch. */
interface NetReaction {
  trackId: string
  actorId: string
  kind: 'liked' | 'reposted'
  /** False if it was withdrawn. */
  added: boolean
}

/** Changes the comment count of a locked track, and the revision of its counts, and queues the new counts for followers. */
export async function changeCommentCount(
  track: Track,
  by: 1 | -1,
  { changeCounter }: Pick<Context, 'changeCounter'>,
): Promise<void> {
  await track.set({ commentCount: track.commentCount + by, countsRev: track.countsRev + 1 }).save()
  await changeCounter(trackCounter, track.id, {})
}

/** SQL: the sums of a track's pending counter changes (`likes`, `reposts`). `track` is a column. */
export const pendingChanges = (track: string, limit = ''): string => `
  select cast(coalesce(sum(cast(change->>'likes' as integer)), 0) as integer) as likes,
    cast(coalesce(sum(cast(change->>'reposts' as integer)), 0) as integer) as reposts
  from (
    select change from counter_changes
    where target_id = ${track} and counter = 'interactions.trackCounts' ${limit}
  ) as pending`

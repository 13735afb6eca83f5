import { type Value } from '../../kernel/pipeline/schema'
import { isAfterCursor } from '../../kernel/pipeline/paging'
import { type AppContext } from '../../kernel/platform/app-context'
import { isTrackListedSql, isTrackListedToFollowersSql } from '../tracks/views'
import { actorsListedMax, blockBetween, summaryJson } from '../user-profile/views'
import { type feedItemView } from './views'

type Item = Value<typeof feedItemView>

/** A track in somebody's feed, and who published or reposted it. */
export interface FeedEntry {
  trackId: string
  at: Date
  reason: Item['reason']
  actors: Item['actors']
  actorCount: number
}

export interface FeedRequest {
  viewerId: string
  after: readonly (string | number)[]
  limit: number
  onlyPublished: boolean
}

/**
 * The newest feed entries after a cursor, each track once, at the earliest publication or repost by a followed person. Reads
 * the newest activities and keeps the first of each track; where most are repeats, it reads on in larger batches.
 */
export async function loadFeedEntries({ db }: AppContext, options: FeedRequest): Promise<FeedEntry[]> {
  const statement = options.onlyPublished
    ? { name: 'feed-published', text: activitiesSql(publications) }
    : { name: 'feed', text: activitiesSql(`${publications} union all ${reposts}`) }
  const entries: FeedEntry[] = []
  let { after } = options
  for (let batchSize = 2 * options.limit; entries.length < options.limit; batchSize *= 4) {
    const activities = await db.readCommitted<Activity>({
      ...statement,
      values: [options.viewerId, ...after, batchSize],
    })
    entries.push(...activities.filter(isFirstOfTrack))
    const last = activities.at(-1)
    if (last === undefined || activities.length < batchSize) break
    after = [last.at.toISOString(), last.trackId]
  }
  return entries.slice(0, options.limit)
}

/** Actors are null for a repeat and for a track that the viewer may not see. */
type Activity = Omit<FeedEntry, 'actors'> & { actors: Item['actors'] | null }
const isFirstOfTrack = (activity: Activity): activity is FeedEntry => activity.actors !== null

/** SQL: `published_at is not null` is the condition of the partial indexes. */
export const isPublicTrack = `${isTrackListedSql('t')} and t.published_at is not null`
const listedToFollowers = `${isTrackListedToFollowersSql('t')} and t.published_at is not null`

const isAfterRequested = (at: string, id: string) => isAfterCursor(at, id, '$2', '$3')

/**
 * The newest tracks of each source: an index scan of tracks_published_of_owner from the cursor that ends after `$4` rows, so
 * that the cost grows with the number of sources and the page, not with everything they ever published.
 */
const publications = `
  select found.*, source.id as person_id, 'published' as reason from source cross join lateral (
    select t.id as track_id, t.published_at as at from tracks t
    where t.owner_id = source.id and ${listedToFollowers} and ${isAfterRequested('t.published_at', 't.id')}
    order by t.published_at desc, t.id desc limit $4
  ) found`

/** The same scan of reposts_of_profile, without the viewer's own reposts. */
const reposts = `
  select found.*, source.id, 'reposted' from source cross join lateral (
    select r.track_id, r.created_at from reposts r
    where r.profile_id = source.id and ${isAfterRequested('r.created_at', 'r.track_id')}
    order by r.created_at desc, r.track_id desc limit $4
  ) found where source.id <> $1`

/**
 * A repost enters the feed if the viewer may see the track and no other source was earlier: neither its artist, who comes
 * first even if the track was not listed when it was reposted, nor an earlier repost, found by primary key.
 */
const isFirstRepost = `
  ${isPublicTrack} and not ${blockBetween('t.owner_id', '$1')} and t.owner_id not in (select id from source)
  and not exists (
    select from source other join reposts earlier on earlier.track_id = t.id and earlier.profile_id = other.id
    where other.id <> $1 and (earlier.created_at, earlier.profile_id) < (activity.at, activity.person_id))`

/** The sources that published or reposted the track, earliest first. Evaluated only for tracks that enter the feed. */
const actors = (withReposts: boolean) => `
  select cast(count(*) as integer) as count, jsonb_agg((
      select ${summaryJson('p')}
      from profiles p where p.id = actor.id
    ) order by rank) filter (where rank <= ${actorsListedMax}) as named
  from (
    select id, row_number() over (order by min(at), id) as rank from (
      select owner_id as id, published_at as at where owner_id in (select id from source)
      ${withReposts ? `union all ${reposters}` : ''}
    ) actor_activity group by id
  ) actor`

const reposters = `
  select r.profile_id, r.created_at from source join reposts r on r.track_id = candidate.track_id and r.profile_id = source.id
  where source.id <> $1`

/** `source`: the viewer and the people they follow. Activities of the same instant are ordered by track and person. */
const activitiesSql = (activities: string) => `
  with source as materialized (
    select followee_id as id from follows where follower_id = $1 and not ${blockBetween('followee_id', '$1')}
    union all select cast($1 as uuid)
  ), activity as (
    select * from (${activities}) activity order by at desc, track_id desc, person_id limit $4
  ), candidate as materialized (
    select activity.*, t.owner_id, t.published_at, activity.reason = 'published' or (${isFirstRepost}) as is_first
    from activity join tracks t on t.id = activity.track_id
  )
  select track_id as "trackId", at, reason, actors.count as "actorCount", actors.named as actors
  from candidate left join lateral (${actors(activities !== publications)}) actors on is_first
  order by at desc, track_id desc, person_id`

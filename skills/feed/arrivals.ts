import { type Value } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { isTrackListed, isTrackListedToFollowers } from '../streaming/views'
import { blockBetween, summaryJson } from '../user-profile/views'
import { actorsShownMax, type feedItem } from './views'

type Item = Value<typeof feedItem>

/** How a track came into somebody's feed. */
export interface Arrival {
  trackId: string
  at: Date
  reason: Item['reason']
  actors: Item['actors']
  actorCount: number
}

export interface FeedWish {
  viewerId: string
  after: readonly (string | number)[]
  limit: number
  onlyPublished: boolean
}

/**
 * The newest arrivals after a position, each track once, at the earliest of its events in the viewer's circle. It reads
 * the newest events and keeps those that brought their track; where most are repeats it reads on, more at a time.
 */
export async function arrivalsOf({ db }: World, wish: FeedWish): Promise<Arrival[]> {
  const statement = wish.onlyPublished
    ? { name: 'feed-published', text: eventsSql(published) }
    : { name: 'feed', text: eventsSql(`${published} union all ${reposted}`) }
  const found: Arrival[] = []
  let { after } = wish
  for (let window = 2 * wish.limit; found.length < wish.limit; window *= 4) {
    const events = await db.read<Event>({ ...statement, values: [wish.viewerId, ...after, window] })
    found.push(...events.filter(isArrival))
    const last = events.at(-1)
    if (last === undefined || events.length < window) break
    after = [last.at.toISOString(), last.trackId]
  }
  return found.slice(0, wish.limit)
}

/** Without actors it brought nothing: a repeat, or what the viewer may not see. */
type Event = Omit<Arrival, 'actors'> & { actors: Item['actors'] | null }
const isArrival = (event: Event): event is Arrival => event.actors !== null

/** SQL: the last condition is that of the indexes. */
export const listed = `${isTrackListed('t')} and t.published_at is not null`
const listedInCircle = `${isTrackListedToFollowers('t')} and t.published_at is not null`

const beforeCursor = (at: string, id: string) => `(${at}, ${id}) < (cast($2 as timestamptz), cast($3 as uuid))`

/**
 * Per person of the circle their newest tracks: a walk of the index tracks_published_of_owner from the position down,
 * that ends after `$4` rows, so that the cost grows with the circle and the page, not with all that was ever published.
 */
const published = `
  select found.*, circle.id as person_id, 'published' as reason from circle cross join lateral (
    select t.id as track_id, t.published_at as at from tracks t
    where t.owner_id = circle.id and ${listedInCircle} and ${beforeCursor('t.published_at', 't.id')}
    order by t.published_at desc, t.id desc limit $4
  ) found`

/** The same walk over reposts_of_profile. What the viewers repost themselves is no news to them. */
const reposted = `
  select found.*, circle.id, 'reposted' from circle cross join lateral (
    select r.track_id, r.created_at from reposts r
    where r.profile_id = circle.id and ${beforeCursor('r.created_at', 'r.track_id')}
    order by r.created_at desc, r.track_id desc limit $4
  ) found where circle.id <> $1`

/**
 * A repost brought a track that may be seen, unless somebody of the circle brought it earlier: its artist, who counts as
 * the first even when it was reposted while it was not listed, or another repost, found by its primary key.
 */
const broughtByRepost = `
  ${listed} and not ${blockBetween('t.owner_id', '$1')} and t.owner_id not in (select id from circle)
  and not exists (
    select from circle other join reposts earlier on earlier.track_id = t.id and earlier.profile_id = other.id
    where other.id <> $1 and (earlier.created_at, earlier.profile_id) < (event.at, event.person_id))`

/** Who of the circle brought the track, the earliest first. Looked up only for what is shown. */
const actors = (withReposts: boolean) => `
  select cast(count(*) as integer) as count, jsonb_agg((
      select ${summaryJson('p')}
      from profiles p where p.id = actor.id
    ) order by place) filter (where place <= ${actorsShownMax}) as named
  from (
    select id, row_number() over (order by min(at), id) as place from (
      select owner_id as id, published_at as at where owner_id in (select id from circle)
      ${withReposts ? `union all ${reposters}` : ''}
    ) bringing group by id
  ) actor`

const reposters = `
  select r.profile_id, r.created_at from circle join reposts r on r.track_id = judged.track_id and r.profile_id = circle.id
  where circle.id <> $1`

/** The circle is whom the viewer follows, and the viewer. Of events in the same instant the first comes first. */
const eventsSql = (sources: string) => `
  with circle as materialized (
    select followee_id as id from follows where follower_id = $1 and not ${blockBetween('followee_id', '$1')}
    union all select cast($1 as uuid)
  ), event as (
    select * from (${sources}) event order by at desc, track_id desc, person_id limit $4
  ), judged as materialized (
    select event.*, t.owner_id, t.published_at, event.reason = 'published' or (${broughtByRepost}) as is_arrival
    from event join tracks t on t.id = event.track_id
  )
  select track_id as "trackId", at, reason, actors.count as "actorCount", actors.named as actors
  from judged left join lateral (${actors(sources !== published)}) actors on is_arrival
  order by at desc, track_id desc, person_id`

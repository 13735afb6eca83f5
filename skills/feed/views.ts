import { count, timestamp, list, named, oneOf, shape } from '../../kernel/pipeline/schema'
import { trackView } from '../tracks/views'
import { actorsListedMax, profileSummary } from '../user-profile/views'

/**
 * A track in a feed. `actors` published or reposted it, earliest first: its artist if the viewer follows them, and followed
 * people who reposted it. `reason` and `at` are those of the earliest.
 */
export const feedItemView = named(
  'FeedItem',
  shape({
    track: trackView,
    reason: oneOf('published', 'reposted'),
    at: timestamp,
    actors: list(profileSummary, actorsListedMax),
    actorCount: count,
  }),
)

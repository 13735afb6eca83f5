import { count, instant, list, named, oneOf, shape } from '../../kernel/schema'
import { trackView } from '../streaming/views'
import { profileSummary } from '../user-profile/views'

/** How many actors are listed by name; `actorCount` counts them all. */
export const actorsShownMax = 3

/**
 * A track in a feed. `actors` published or reposted it, earliest first: its artist if the viewer follows them, and followed
 * people who reposted it. `reason` and `at` are those of the earliest.
 */
export const feedItem = named(
  'FeedItem',
  shape({
    track: trackView,
    reason: oneOf('published', 'reposted'),
    at: instant,
    actors: list(profileSummary, actorsShownMax),
    actorCount: count,
  }),
)

import { count, instant, list, named, oneOf, shape } from '../../kernel/schema'
import { trackView } from '../streaming/views'
import { profileSummary } from '../user-profile/views'

/** So many of those who brought a track are shown by name. */
export const actorsShownMax = 3

/**
 * A track, why it is here, since when, and who brought it: its artist when the viewer follows them, and whoever of those
 * followed reposted it, the earliest first.
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

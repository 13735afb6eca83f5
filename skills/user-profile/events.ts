import { event } from '../../kernel/events/event'
import { revocation } from '../../kernel/platform/revocation'
import { id, shape } from '../../kernel/pipeline/schema'
import { profileCacheKey, profileCounts, profileAttributes, profileSummary } from './views'

/** `actor` followed or unfollowed `profileId`. `counts` are the counts of `profileId`, `actorCounts` those of `actor`. */
const followChange = shape({ profileId: id, actor: profileSummary, counts: profileCounts, actorCounts: profileCounts })

interface ProfileActivity {
  profileId: string
  actor: { id: string }
}

const actorAndProfile = ({ profileId, actor }: ProfileActivity) => [`user:${profileId}`, `user:${actor.id}`]
/** Only the blocker's own channel: the blocked person must not learn of it. */
const blocker = ({ actor }: ProfileActivity) => [`user:${actor.id}`]
const stale = ({ profileId, actor }: ProfileActivity) => [profileCacheKey(profileId), profileCacheKey(actor.id)]

export const profileFollowed = event({
  name: 'user-profile.profileFollowed',
  summary: 'A profile was followed',
  payload: followChange,
  channels: actorAndProfile,
  staleKeys: stale,
})

export const profileUnfollowed = event({
  name: 'user-profile.profileUnfollowed',
  summary: 'A profile was unfollowed',
  payload: followChange,
  channels: actorAndProfile,
  staleKeys: stale,
})

export const profileChanged = event({
  name: 'user-profile.profileChanged',
  summary: 'Your profile was changed',
  payload: shape({ profile: profileAttributes }),
  channels: ({ profile }) => [`user:${profile.id}`],
  staleKeys: ({ profile }) => [profileCacheKey(profile.id)],
})

export const profileBlocked = event({
  name: 'user-profile.profileBlocked',
  summary: 'You blocked a user',
  description: 'The follows between the two of you have ended. `actorCounts` are your own counts.',
  payload: shape({ profileId: id, actor: profileSummary, actorCounts: profileCounts }),
  channels: blocker,
  staleKeys: stale,
  revokesAccess: ({ profileId }) => ({ profileId }),
})

export const sessionsRevoked = event({
  name: 'user-profile.sessionsRevoked',
  summary: 'Sessions of yours were revoked',
  description: 'One, all but one, or all. Their tokens issued up to `until` are refused.',
  payload: revocation,
  // Every node listens to `control:sessions` and closes the sockets of these sessions.
  channels: ({ profileId }) => [`user:${profileId}`, 'control:sessions'],
})

export const profileUnblocked = event({
  name: 'user-profile.profileUnblocked',
  summary: 'You unblocked a user',
  payload: shape({ profileId: id, actor: profileSummary }),
  channels: blocker,
})

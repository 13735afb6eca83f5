import { event } from '../../kernel/event'
import { revocation } from '../../kernel/revocation'
import { id, shape } from '../../kernel/schema'
import { profileCacheKey, profileCounts, profileFacts, profileSummary } from './views'

/** Who (`by`) follows whom from now on, or no longer, and what the counts of both are now. */
const followChange = shape({ profileId: id, by: profileSummary, counts: profileCounts, byCounts: profileCounts })

interface AboutTwo {
  profileId: string
  by: { id: string }
}

const both = ({ profileId, by }: AboutTwo) => [`user:${profileId}`, `user:${by.id}`]
/** The blocked one must not learn of it: only the other devices of the one who blocks are told. */
const blocker = ({ by }: AboutTwo) => [`user:${by.id}`]
const stale = ({ profileId, by }: AboutTwo) => [profileCacheKey(profileId), profileCacheKey(by.id)]

export const profileFollowed = event({
  name: 'user-profile.profileFollowed',
  summary: 'Somebody follows somebody.',
  payload: followChange,
  channels: both,
  stale,
})

export const profileUnfollowed = event({
  name: 'user-profile.profileUnfollowed',
  summary: 'Somebody follows somebody no longer.',
  payload: followChange,
  channels: both,
  stale,
})

export const profileChanged = event({
  name: 'user-profile.profileChanged',
  summary: 'Somebody changed their own profile.',
  payload: shape({ profile: profileFacts }),
  channels: ({ profile }) => [`user:${profile.id}`],
  stale: ({ profile }) => [profileCacheKey(profile.id)],
})

export const profileBlocked = event({
  name: 'user-profile.profileBlocked',
  summary: 'You blocked somebody; neither follows the other any more, and `byCounts` are your own counts now.',
  payload: shape({ profileId: id, by: profileSummary, byCounts: profileCounts }),
  channels: blocker,
  stale,
  unsettles: ({ profileId }) => ({ profileId }),
})

export const sessionsEnded = event({
  name: 'user-profile.sessionsEnded',
  summary: 'Sessions of yours were ended: one, all but one, or all. Tokens issued until then are refused.',
  payload: revocation,
  // Every node hears the second, and closes the sockets of these sessions.
  channels: ({ profileId }) => [`user:${profileId}`, 'control:sessions'],
})

export const profileUnblocked = event({
  name: 'user-profile.profileUnblocked',
  summary: 'You block somebody no longer.',
  payload: shape({ profileId: id, by: profileSummary }),
  channels: blocker,
})

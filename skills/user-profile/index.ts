import { type Skill } from '../../kernel/pipeline/registry'
import { blockProfile } from './block-profile'
import { userChannel } from './channel'
import { revokeSessions } from './revoke-sessions'
import {
  profileBlocked,
  profileChanged,
  profileFollowed,
  profileUnblocked,
  profileUnfollowed,
  sessionsRevoked,
} from './events'
import { followProfile } from './follow-profile'
import { deleteExpiredRevocations } from './delete-expired-revocations'
import { getMe } from './get-me'
import { getProfile } from './get-profile'
import { listBlockedProfiles } from './list-blocked-profiles'
import { listFollowers } from './list-followers'
import { listFollowing } from './list-following'
import { unblockProfile } from './unblock-profile'
import { unfollowProfile } from './unfollow-profile'
import { updateMe } from './update-me'

export { provisionProfile } from './provision-profile'

export const userProfile: Skill = {
  operations: [
    ...[getMe, updateMe, getProfile],
    ...[followProfile, unfollowProfile, listFollowers, listFollowing],
    ...[blockProfile, unblockProfile, listBlockedProfiles],
    revokeSessions,
  ],
  events: [profileFollowed, profileUnfollowed, profileChanged, profileBlocked, profileUnblocked, sessionsRevoked],
  channels: [userChannel],
  jobs: [deleteExpiredRevocations],
}

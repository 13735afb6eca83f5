import { type Skill } from '../../kernel/product'
import { blockProfile } from './block-profile'
import { userChannel } from './channel'
import { endSessions } from './end-sessions'
import {
  profileBlocked,
  profileChanged,
  profileFollowed,
  profileUnblocked,
  profileUnfollowed,
  sessionsEnded,
} from './events'
import { followProfile } from './follow-profile'
import { forgetEndedSessions } from './forget-ended-sessions'
import { getMe } from './get-me'
import { getProfile } from './get-profile'
import { listBlocked } from './list-blocked'
import { listFollowers } from './list-followers'
import { listFollowing } from './list-following'
import { unblockProfile } from './unblock-profile'
import { unfollowProfile } from './unfollow-profile'
import { updateMe } from './update-me'

export { arrive } from './arrive'

export const userProfile: Skill = {
  operations: [
    ...[getMe, updateMe, getProfile],
    ...[followProfile, unfollowProfile, listFollowers, listFollowing],
    ...[blockProfile, unblockProfile, listBlocked],
    endSessions,
  ],
  events: [profileFollowed, profileUnfollowed, profileChanged, profileBlocked, profileUnblocked, sessionsEnded],
  channels: [userChannel],
  jobs: [forgetEndedSessions],
}

import { type Skill } from '../../kernel/pipeline/registry'
import { partyChannel } from './channel'
import { advanceParty } from './apply-playback-action'
import { removeTrackFromParties } from './remove-track-from-parties'
import { endParty } from './end-party'
import { memberChanged, memberJoined, memberLeft, partyEnded, queueChanged, timelineChanged } from './events'
import { getParty } from './get-party'
import { getPresence } from './get-presence'
import { joinParty } from './join-party'
import { leaveParty } from './leave-party'
import { listParties } from './list-parties'
import { onMemberChanged } from './on-member-changed'
import { onProfileBlocked } from './on-profile-blocked'
import { onTrackDeleted } from './on-track-deleted'
import { createParty } from './create-party'
import { pauseParty } from './pause-party'
import { playParty } from './play-party'
import { queueTrack } from './queue-track'
import { kickMember } from './kick-member'
import { seekParty } from './seek-party'
import { setRole } from './set-role'
import { removeBlockedMembers } from './remove-blocked-members'
import { emojiReaction } from './signals'
import { skipTrack } from './skip-track'
import { removeQueueItem } from './remove-queue-item'

export const listeningParty: Skill = {
  operations: [
    ...[createParty, getParty, getPresence, listParties, endParty],
    ...[joinParty, leaveParty, setRole, kickMember],
    ...[playParty, pauseParty, seekParty, skipTrack, queueTrack, removeQueueItem],
  ],
  events: [timelineChanged, queueChanged, memberJoined, memberChanged, memberLeft, partyEnded],
  channels: [partyChannel],
  signals: [emojiReaction],
  reactions: [onTrackDeleted, onProfileBlocked, onMemberChanged],
  jobs: [advanceParty, removeTrackFromParties, removeBlockedMembers],
}

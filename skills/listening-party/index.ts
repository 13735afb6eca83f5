import { type Skill } from '../../kernel/product'
import { partyChannel } from './channel'
import { advanceParty } from './direct'
import { dropTrack } from './drop-track'
import { endParty } from './end-party'
import { memberChanged, memberJoined, memberLeft, partyEnded, queueChanged, timelineChanged } from './events'
import { getParty } from './get-party'
import { getPresence } from './get-presence'
import { joinParty } from './join-party'
import { leaveParty } from './leave-party'
import { listParties } from './list-parties'
import { onMemberChanged } from './on-member-changed'
import { onProfileBlocked } from './on-profile-blocked'
import { onTrackRemoved } from './on-track-removed'
import { openParty } from './open-party'
import { pauseParty } from './pause-party'
import { playParty } from './play-party'
import { queueTrack } from './queue-track'
import { removeMember } from './remove-member'
import { seekParty } from './seek-party'
import { setRole } from './set-role'
import { showOut } from './show-out'
import { reacted } from './signals'
import { skipTrack } from './skip-track'
import { unqueueTrack } from './unqueue-track'

export const listeningParty: Skill = {
  operations: [
    ...[openParty, getParty, getPresence, listParties, endParty],
    ...[joinParty, leaveParty, setRole, removeMember],
    ...[playParty, pauseParty, seekParty, skipTrack, queueTrack, unqueueTrack],
  ],
  events: [timelineChanged, queueChanged, memberJoined, memberChanged, memberLeft, partyEnded],
  channels: [partyChannel],
  signals: [reacted],
  reactions: [onTrackRemoved, onProfileBlocked, onMemberChanged],
  jobs: [advanceParty, dropTrack, showOut],
}

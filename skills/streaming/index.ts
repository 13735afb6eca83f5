import { type Skill } from '../../kernel/pipeline/registry'
import { trackChannel } from '../tracks/channel'
import { followerAccessRevoked, secretLinkReset } from '../tracks/events'
import { deleteExpiredPlaylists } from './delete-expired-playlists'
import { getAudioDetails } from '../tracks/get-audio-details'
import { getSecretLink } from '../tracks/get-secret-link'
import { getTrack } from '../tracks/get-track'
import { getWaveform } from '../tracks/get-waveform'
import { grantDownload } from './grant-download'
import { grantStream } from './grant-stream'
import { listProfileTracks } from '../tracks/list-profile-tracks'
import { onProfileBlocked } from '../tracks/on-profile-blocked'
import { onProfileUnfollowed } from '../tracks/on-profile-unfollowed'
import { redeemSecretLink } from '../tracks/redeem-secret-link'
import { resetSecretLink } from '../tracks/reset-secret-link'

export const streaming: Skill = {
  operations: [
    ...[getTrack, listProfileTracks, grantStream, grantDownload, getWaveform, getAudioDetails],
    ...[getSecretLink, resetSecretLink, redeemSecretLink],
  ],
  events: [secretLinkReset, followerAccessRevoked],
  reactions: [onProfileUnfollowed, onProfileBlocked],
  channels: [trackChannel],
  jobs: [deleteExpiredPlaylists],
}

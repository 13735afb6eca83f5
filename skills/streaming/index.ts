import { type Skill } from '../../kernel/product'
import { trackChannel } from './channel'
import { followerLeft, secretLinkReset } from './events'
import { forgetPlaylists } from './forget-playlists'
import { getAudioFacts } from './get-audio-facts'
import { getSecretLink } from './get-secret-link'
import { getTrack } from './get-track'
import { getWaveform } from './get-waveform'
import { grantDownload } from './grant-download'
import { grantStream } from './grant-stream'
import { listProfileTracks } from './list-profile-tracks'
import { onProfileBlocked } from './on-profile-blocked'
import { onProfileUnfollowed } from './on-profile-unfollowed'
import { openSecretLink } from './open-secret-link'
import { resetSecretLink } from './reset-secret-link'

export const streaming: Skill = {
  operations: [
    ...[getTrack, listProfileTracks, grantStream, grantDownload, getWaveform, getAudioFacts],
    ...[getSecretLink, resetSecretLink, openSecretLink],
  ],
  events: [secretLinkReset, followerLeft],
  reactions: [onProfileUnfollowed, onProfileBlocked],
  channels: [trackChannel],
  jobs: [forgetPlaylists],
}

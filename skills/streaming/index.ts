import { type Skill } from '../../kernel/product'
import { trackChannel } from './channel'
import { forgetPlaylists } from './forget-playlists'
import { getTrack } from './get-track'
import { getWaveform } from './get-waveform'
import { grantDownload } from './grant-download'
import { grantStream } from './grant-stream'
import { listProfileTracks } from './list-profile-tracks'

export const streaming: Skill = {
  operations: [getTrack, listProfileTracks, grantStream, grantDownload, getWaveform],
  channels: [trackChannel],
  jobs: [forgetPlaylists],
}

import { type Skill } from '../../kernel/product'
import { trackChannel } from './channel'
import { getAudioFacts } from './get-audio-facts'
import { getTrack } from './get-track'
import { getWaveform } from './get-waveform'
import { grantStream } from './grant-stream'
import { listProfileTracks } from './list-profile-tracks'

export const streaming: Skill = {
  operations: [getTrack, listProfileTracks, grantStream, getWaveform, getAudioFacts],
  channels: [trackChannel],
}

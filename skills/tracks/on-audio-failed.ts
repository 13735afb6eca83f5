import { reaction } from '../../kernel/events/reaction'
import { audioFailed } from '../music-processing/events'
import { changeTrack } from './change-track'
import { lockTrack } from './views'

export const onAudioFailed = reaction({
  to: audioFailed,
  because: 'a track that waits for its first audio has failed; one that has other audio keeps it',
  async react({ trackId }, context) {
    const track = await lockTrack(trackId)
    if (track?.state === 'processing') await changeTrack(track, { state: 'failed' }, context)
  },
})

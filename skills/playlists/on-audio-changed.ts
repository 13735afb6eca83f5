import { reaction } from '../../kernel/event'
import { audioChanged } from '../music-upload/events'
import { tellOfAudio } from './tell-of-audio'

export const onAudioChanged = reaction({
  to: audioChanged,
  because:
    'playlists that hold the track are longer or shorter; they may be many, so a worker tells whoever follows them',
  react: ({ trackId }, { enqueue }) => enqueue(tellOfAudio, { trackId, after: null }),
})

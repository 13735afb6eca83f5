import { type Context } from '../../kernel/context'
import { reaction } from '../../kernel/event'
import { trackChanged, trackRemoved } from '../music-upload/events'
import { tellOfTrack } from './tell-of-track'

const because =
  'playlists show the track, and add up what can be played; they may be many, so a worker tells their followers'

/** One job for all that happens to a track before it is taken up: what is told is how the track is then. */
const askToTell = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(tellOfTrack, { trackId, after: null }, { key: `playlists.tellOfTrack:${trackId}` })

export const onTrackChanged = reaction({
  to: trackChanged,
  because,
  react: ({ track }, context) => askToTell(track.id, context),
})

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because,
  react: ({ trackId }, context) => askToTell(trackId, context),
})

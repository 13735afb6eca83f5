import { type Context } from '../../kernel/context'
import { reaction } from '../../kernel/event'
import { trackChanged, trackRemoved } from '../music-upload/events'
import { tellOfTrack } from './tell-of-track'

const because = 'playlists show their tracks and total duration; a job does the fan-out to their followers'

/** The key makes changes before the job starts one job, which publishes the track as it is then. */
const enqueueFanOut = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(tellOfTrack, { trackId, after: null }, { key: `playlists.tellOfTrack:${trackId}` })

export const onTrackChanged = reaction({
  to: trackChanged,
  because,
  react: ({ track }, context) => enqueueFanOut(track.id, context),
})

export const onTrackRemoved = reaction({
  to: trackRemoved,
  because,
  react: ({ trackId }, context) => enqueueFanOut(trackId, context),
})

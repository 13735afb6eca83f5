import { type Context } from '../../kernel/pipeline/context'
import { reaction } from '../../kernel/events/reaction'
import { trackChanged, trackDeleted } from '../tracks/events'
import { publishTrackChange } from './publish-track-change'

const because = 'playlists show their tracks and total duration; a job does the fan-out to their followers'

/** The key makes changes before the job starts one job, which publishes the track as it is then. */
const enqueueFanOut = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(publishTrackChange, { trackId, after: null }, { key: `playlists.publishTrackChange:${trackId}` })

export const onTrackChanged = reaction({
  to: trackChanged,
  because,
  react: ({ track }, context) => enqueueFanOut(track.id, context),
})

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because,
  react: ({ trackId }, context) => enqueueFanOut(trackId, context),
})

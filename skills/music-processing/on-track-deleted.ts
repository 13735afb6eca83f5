import { reaction } from '../../kernel/events/reaction'
import { deleteObjects } from '../../kernel/platform/delete-objects'
import { trackDeleted } from '../tracks/events'
import { audioPrefix } from './rules'

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: 'the audio of a deleted track is deleted',
  react: ({ trackId }, { enqueue }) => enqueue(deleteObjects, { prefixes: [audioPrefix(trackId)] }),
})

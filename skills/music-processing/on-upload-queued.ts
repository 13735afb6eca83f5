import { reaction } from '../../kernel/events/reaction'
import { uploadQueued } from '../music-upload/events'
import { enqueueProcessing } from './process-upload'

export const onUploadQueued = reaction({
  to: uploadQueued,
  because: 'a worker processes the file',
  react: ({ uploadId }, context) => enqueueProcessing(uploadId, context),
})

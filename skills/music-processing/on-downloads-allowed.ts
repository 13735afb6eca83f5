import { reaction } from '../../kernel/events/reaction'
import { downloadsAllowed } from '../tracks/events'
import { enqueueDownloadCopy } from './make-download-copy'

export const onDownloadsAllowed = reaction({
  to: downloadsAllowed,
  because: 'listeners download a copy without tags, which is made on demand',
  react: ({ trackId }, context) => enqueueDownloadCopy(trackId, context),
})

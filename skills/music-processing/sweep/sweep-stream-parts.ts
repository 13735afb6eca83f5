import { abortOrphanMultiparts, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { Upload } from '../../../models'
import { audioKeyPattern } from '../rules'

/** Aborts multipart uploads of streams whose worker was killed. */
export const sweepStreamParts: SweepPage = (from, context) =>
  abortOrphanMultiparts('audio/', from, context, async key => {
    const [, , id] = audioKeyPattern.exec(key) ?? []
    return id === undefined || (await Upload.count({ where: { id, state: ['uploaded', 'processing'] } })) > 0
  })

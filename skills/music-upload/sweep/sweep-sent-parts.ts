import { abortOrphanMultiparts, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { incomingKeyPattern } from '../../../kernel/platform/incoming-files'
import { Upload } from '../../../models'

/** Aborts multipart uploads that no pending upload uses. */
export const sweepSentParts: SweepPage = (from, context) =>
  abortOrphanMultiparts('incoming/', from, context, async (key, multipartId) => {
    const [, id] = incomingKeyPattern.exec(key) ?? []
    return id === undefined || (await Upload.count({ where: { id, multipartId, state: 'initiated' } })) > 0
  })

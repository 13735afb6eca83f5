import {
  address,
  count,
  flag,
  id,
  instant,
  named,
  nullable,
  oneOf,
  record,
  shape,
  type Value,
  whole,
  written,
} from '../../kernel/schema'
import { type Upload } from '../../models'

/** An upload as its owner sees it. */
export const uploadView = named(
  'Upload',
  shape({
    id,
    state: oneOf('initiated', 'uploaded', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired'),
    /** What the worker is about, in this order. */
    step: nullable(oneOf('fetching', 'probing', 'drawing', 'storing')),
    /** Per cent. */
    progress: whole(0, 100),
    fileName: written,
    contentType: written,
    sizeBytes: count,
    trackId: nullable(id),
    /** It brings new audio for the track, which keeps the old until this is ready. */
    replacesAudio: flag,
    /** Why it was rejected or failed, in words for the artist. */
    fault: nullable(shape({ code: written, message: written })),
    /** Until then an upload that failed may be tried again, without sending its file anew. */
    retryUntil: nullable(instant),
    createdAt: instant,
    /** Until then it waits for its file. */
    expiresAt: instant,
  }),
)
export type UploadView = Value<typeof uploadView>

/** Where to send the file: one PUT with exactly these headers. */
export const putView = named('UploadPut', shape({ url: address, headers: record(written), expiresAt: instant }))

export const viewUpload = (upload: Upload): UploadView => ({
  id: upload.id,
  state: upload.state,
  step: upload.step,
  progress: upload.progress,
  fileName: upload.fileName,
  contentType: upload.contentType,
  sizeBytes: Number(upload.sizeBytes),
  trackId: upload.trackId,
  replacesAudio: upload.replacesAudio,
  fault: upload.fault,
  retryUntil: upload.retryUntil?.toISOString() ?? null,
  createdAt: upload.createdAt.toISOString(),
  expiresAt: upload.expiresAt.toISOString(),
})

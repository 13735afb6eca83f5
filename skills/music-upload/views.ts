import {
  address,
  count,
  flag,
  id,
  instant,
  list,
  named,
  nullable,
  oneOf,
  record,
  type Shape,
  shape,
  type Value,
  whole,
  written,
} from '../../kernel/schema'
import { type Upload } from '../../models'

export const uploadFields = {
  id,
  state: oneOf('initiated', 'uploaded', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired'),
  /** What the worker is about, in this order. */
  step: nullable(oneOf('fetching', 'probing', 'drawing', 'encoding', 'storing')),
  /** Per cent. */
  progress: whole(0, 100),
  fileName: written,
  contentType: written,
  sizeBytes: count,
  trackId: nullable(id),
  /** It brings new audio for the track, which keeps the old until this is ready. */
  replacesAudio: flag,
  /** A track of yours that holds the very same file; known from the start, or once the worker has read it. */
  duplicateOf: nullable(id),
  /** Why it was rejected or failed, in words for the artist. */
  fault: nullable(shape({ code: written, message: written })),
  /** Until then an upload that failed may be tried again, without sending its file anew. */
  retryUntil: nullable(instant),
  createdAt: instant,
  /** Until then it waits for its file. */
  expiresAt: instant,
}

/** An upload as its owner sees it. */
export const uploadView = named('Upload', shape(uploadFields))
export type UploadView = Value<typeof uploadView>

/** Where to send the file: one PUT with exactly these headers. */
export const putView = named('UploadPut', shape({ url: address, headers: record(written), expiresAt: instant }))

/** How to cut the file: into `count` parts of `partBytes` each, the last one smaller. */
const partsView = named('UploadParts', shape({ partBytes: count, count }))

/** How the file is to be sent: one of the two is null. */
export const sendingFields = { put: nullable(putView), parts: nullable(partsView) }
export type SendingView = Shape<typeof sendingFields>

/** Where to PUT one part, with exactly these headers. */
export const partPutView = named(
  'UploadPartPut',
  shape({ number: count, sizeBytes: count, url: address, headers: record(written), expiresAt: instant }),
)

/** Which parts are there, with their SHA-256 in hex where the store tells. */
export const partsSentView = named(
  'UploadPartsSent',
  shape({
    partBytes: count,
    count,
    sent: list(shape({ number: count, sizeBytes: count, sha256: nullable(written) }), 10_000),
  }),
)

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
  duplicateOf: upload.duplicateOf,
  fault: upload.fault,
  retryUntil: upload.retryUntil?.toISOString() ?? null,
  createdAt: upload.createdAt.toISOString(),
  expiresAt: upload.expiresAt.toISOString(),
})

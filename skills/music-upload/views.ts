import {
  url,
  count,
  boolean,
  id,
  timestamp,
  list,
  named,
  nullable,
  oneOf,
  record,
  type Shape,
  shape,
  type Value,
  integer,
  outputText,
} from '../../kernel/pipeline/schema'
import { type Context } from '../../kernel/pipeline/context'
import { putRequestView } from '../../kernel/platform/incoming-files'
import { type Upload } from '../../models'

export const uploadFields = {
  id,
  state: oneOf('initiated', 'uploaded', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired'),
  /** Processing steps, in this order. */
  step: nullable(oneOf('downloading', 'probing', 'waveform', 'encoding', 'storing')),
  /** Percent. */
  progress: integer(0, 100),
  fileName: outputText,
  contentType: outputText,
  sizeBytes: count,
  trackId: nullable(id),
  /** It replaces the audio of the track, which plays the old audio until this upload is ready. */
  replacesAudio: boolean,
  /** One of your tracks with a byte-identical file; known at once, or after the worker has hashed the file. */
  duplicateOf: nullable(id),
  /** Why it was rejected or failed, in words for the artist. */
  error: nullable(shape({ code: outputText, message: outputText })),
  /** A failed upload can be retried until then, without sending the file again. */
  retryUntil: nullable(timestamp),
  createdAt: timestamp,
  /** It waits for its file until then. */
  expiresAt: timestamp,
}

/** An upload as its owner sees it. */
export const uploadView = named('Upload', shape(uploadFields))
export type UploadView = Value<typeof uploadView>

/** Send `count` parts of `partBytes` each, the last one smaller. */
const partsView = named('UploadParts', shape({ partBytes: count, count }))

/** How to send the file; one of the two is null. */
export const sendingFields = { putRequest: nullable(putRequestView), parts: nullable(partsView) }
export type SendingView = Shape<typeof sendingFields>

/** A presigned PUT for one part: send exactly these headers. */
export const partPutRequestView = named(
  'PartPutRequest',
  shape({ number: count, sizeBytes: count, url, headers: record(outputText), expiresAt: timestamp }),
)

/** Parts that the store has, with their SHA-256 in hex when the store provides it. */
export const partsSentView = named(
  'UploadPartsSent',
  shape({
    partBytes: count,
    count,
    sent: list(shape({ number: count, sizeBytes: count, sha256: nullable(outputText) }), 10_000),
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
  error: upload.error,
  retryUntil: upload.retryUntil?.toISOString() ?? null,
  createdAt: upload.createdAt.toISOString(),
  expiresAt: upload.expiresAt.toISOString(),
})

/** The newest track of a person whose present audio is a byte-identical file. */
export async function findDuplicateTrack(
  ownerId: string,
  sha256: string,
  { app }: Pick<Context, 'app'>,
): Promise<string | null> {
  const [duplicate] = await app.db.query<{ id: string }>(
    `select track.id from uploads upload join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and upload.sha256 = :sha256 and upload.state = 'ready' and track.deleted_at is null
       and upload.id = track.audio_version
     order by track.created_at desc limit 1`,
    { ownerId, sha256 },
  )
  return duplicate?.id ?? null
}

/**
 * SQL: the sent file of `upload` is needed. `$1` is the current time. A failed upload keeps its file while it can be
 * retried.
 */
export const uploadNeedsFileSql = `(upload.state in ('initiated', 'uploaded', 'processing')
  or (upload.state = 'failed' and upload.retry_until > $1))`

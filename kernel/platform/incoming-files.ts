import { type JobContext } from '../events/job'
import { type Context } from '../pipeline/context'
import { Refusal, refusal, type RefusalKind, refusals } from '../pipeline/refusals'
import { named, outputText, pattern, record, shape, timestamp, url, type Value } from '../pipeline/schema'
import { uuidPattern } from '../pipeline/uuid'

/**
 * Files that a client sends to the bucket by a presigned PUT and that a worker reads: uploads and pictures. Their row
 * pins the ETag of the bytes that were finalized.
 */

/** The key under which a file waits for its worker. Built from our id only: client input never enters a key. */
export const incomingKey = (id: string): string => `incoming/${id}`

/** Captures the id. */
export const incomingKeyPattern = new RegExp(`^incoming/(${uuidPattern})$`)

/** SHA-256 in hex, as clients declare it. */
export const sha256Hex = pattern(/^[0-9a-f]{64}$/, 64)

/** A presigned PUT: send exactly these headers. */
export const putRequestView = named('PutRequest', shape({ url, headers: record(outputText), expiresAt: timestamp }))

export const fileMissing = refusal('file_missing', 409, 'The file has not been sent')
export const fileMismatch = refusal('file_mismatch', 422, 'The file differs from what was declared')

/** The object is gone or has other bytes than those that were finalized. A retry would not help. */
export class FileChanged extends Error {
  readonly error = { code: 'file_mismatch', message: 'The file differs from what was declared. Send it again.' }
}

/** Expiry of a URL signed now: at most that of its file. */
export const urlExpiry = (now: Date, lifeMs: number, fileExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + lifeMs, fileExpiresAt.getTime()))

/** Lifetime in seconds of a URL that expires then. */
export const secondsUntil = (expiresAt: Date, now: Date): number =>
  Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1_000))

/** S3 takes base64 digests; the API uses hex. */
export const hexToBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

/** The columns of a file's row that this module needs. BIGINT sizes are text. */
interface IncomingFile {
  id: string
  contentType: string
  sizeBytes: number | string
  sha256: string | null
  etag: string | null
  expiresAt: Date
  putUrlExpiresAt: Date
}

/** @throws when the file was aborted or has expired, and so no longer accepts its bytes */
export function refuseClosed(
  { state, expiresAt }: Pick<IncomingFile, 'expiresAt'> & { state: string },
  now: Date,
  { aborted, expired }: { aborted: RefusalKind; expired: RefusalKind },
): void {
  if (state === 'aborted') throw aborted()
  if (state === 'expired' || (state === 'initiated' && expiresAt <= now)) throw expired()
}

/** A presigned PUT for exactly this file, valid until `putUrlExpiresAt`. */
export async function presignIncoming(
  { id, contentType, sizeBytes, sha256, putUrlExpiresAt }: Omit<IncomingFile, 'etag' | 'expiresAt'>,
  { app, now }: Pick<Context, 'app' | 'now'>,
): Promise<Value<typeof putRequestView>> {
  if (sha256 === null) throw new Error('a file for a single PUT has a SHA-256')
  const declared = { contentType, sizeBytes: Number(sizeBytes), sha256: hexToBase64(sha256) }
  const signed = await app.storage.presignPut(incomingKey(id), declared, secondsUntil(putUrlExpiresAt, now))
  return { ...signed, expiresAt: putUrlExpiresAt.toISOString() }
}

/**
 * Finds what was sent by one PUT. Accepts a store that returns no checksum: the worker hashes the file when it downloads
 * it.
 * @throws `file_missing`, `file_mismatch`
 */
export async function findIncoming(
  { id, sizeBytes, sha256 }: Pick<IncomingFile, 'id' | 'sizeBytes' | 'sha256'>,
  { app }: Pick<Context, 'app'>,
): Promise<{ etag: string }> {
  const found = await app.storage.head(incomingKey(id))
  if (found === undefined) throw fileMissing()
  const isSame = found.sha256 === undefined || sha256 === null || found.sha256 === hexToBase64(sha256)
  if (!isSame || found.sizeBytes !== Number(sizeBytes)) throw fileMismatch()
  return { etag: found.etag }
}

/**
 * Downloads the bytes that were finalized to a local file; returns their SHA-256 in hex.
 * @throws FileChanged
 */
export async function downloadIncoming(
  { id, etag, sha256 }: Pick<IncomingFile, 'id' | 'etag' | 'sha256'>,
  path: string,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<{ sha256: string }> {
  const pinned = { etag: pinnedEtag(etag), signal }
  const fetched = await app.storage.download(incomingKey(id), path, pinned).catch(rethrowAsChanged)
  if (sha256 !== null && fetched.sha256 !== sha256) throw new FileChanged()
  return fetched
}

/**
 * Copies the bytes that were finalized to another key.
 * @throws FileChanged
 */
export const copyIncoming = (
  { id, etag }: Pick<IncomingFile, 'id' | 'etag'>,
  to: string,
  contentType: string,
  { app }: Pick<Context, 'app'>,
): Promise<void> => app.storage.copy(incomingKey(id), to, pinnedEtag(etag), contentType).catch(rethrowAsChanged)

function pinnedEtag(etag: string | null): string {
  if (etag === null) throw new Error('a file was processed before it was finalized')
  return etag
}

/** No object with the pinned ETag. */
function rethrowAsChanged(error: unknown): never {
  throw error instanceof Refusal && error.kind === refusals.conflict ? new FileChanged() : error
}

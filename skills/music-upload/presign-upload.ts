import { type Context } from '../../kernel/pipeline/context'
import { type Value } from '../../kernel/pipeline/schema'
import { type Upload } from '../../models'
import { incomingKey } from './object-keys'
import { putLifeMs } from './rules'
import { type putView } from './views'

/** Expiry of a URL signed now: at most that of its upload. */
export const putExpiry = (now: Date, uploadExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + putLifeMs, uploadExpiresAt.getTime()))

/** Lifetime in seconds of a URL that expires then. */
export const secondsUntil = (expiresAt: Date, now: Date): number =>
  Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000))

/** S3 takes base64 digests; the API uses hex. */
export const hexToBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

/** A presigned PUT for exactly this file, valid until `upload.putUrlExpiresAt`. */
export async function presignUpload(upload: Upload, { app, now }: Context): Promise<Value<typeof putView>> {
  const { contentType, sizeBytes, sha256, putUrlExpiresAt } = upload
  if (sha256 === null) throw new Error('an upload with a single PUT has a SHA-256')
  const file = { contentType, sizeBytes: Number(sizeBytes), sha256: hexToBase64(sha256) }
  const lifeS = secondsUntil(putUrlExpiresAt, now)
  const { url, headers } = await app.storage.presignPut(incomingKey(upload.id), file, lifeS)
  return { url, headers, expiresAt: putUrlExpiresAt.toISOString() }
}

import { type Context } from '../../kernel/context'
import { type Value } from '../../kernel/schema'
import { type Upload } from '../../models'
import { incomingKey } from './places'
import { putLifeMs } from './rules'
import { type putView } from './views'

/** When a URL that is signed now stops working: never after its upload. */
export const putExpiry = (now: Date, uploadExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + putLifeMs, uploadExpiresAt.getTime()))

/** For how long a URL is signed so that it ends then. */
export const secondsUntil = (expiresAt: Date, now: Date): number =>
  Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000))

/** S3 wants digests in base64, we speak hex. */
export const hexToBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

/** The right to send this very file, for as long as `upload.putExpiresAt` says. */
export async function presignFor(upload: Upload, { world, now }: Context): Promise<Value<typeof putView>> {
  const { contentType, sizeBytes, sha256, putExpiresAt } = upload
  if (sha256 === null) throw new Error('a file that is sent by one PUT was announced with its SHA-256')
  const file = { contentType, sizeBytes: Number(sizeBytes), sha256: hexToBase64(sha256) }
  const lifeS = secondsUntil(putExpiresAt, now)
  const { url, headers } = await world.storage.presignPut(incomingKey(upload.id), file, lifeS)
  return { url, headers, expiresAt: putExpiresAt.toISOString() }
}

import { type Context } from '../../kernel/pipeline/context'
import { type Value } from '../../kernel/pipeline/schema'
import { type Picture } from '../../models'
import { type putView } from '../music-upload/views'
import { incomingKey } from './object-keys'
import { picturePutLifeMs } from './rules'

/** Expiry of a URL signed now: at most that of its picture. */
export const putExpiry = (now: Date, pictureExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + picturePutLifeMs, pictureExpiresAt.getTime()))

/** A presigned PUT for exactly this file, valid until `picture.putUrlExpiresAt`. */
export async function presignPicture(picture: Picture, { app, now }: Context): Promise<Value<typeof putView>> {
  const { contentType, sizeBytes, putUrlExpiresAt } = picture
  const sha256 = Buffer.from(picture.sha256, 'hex').toString('base64')
  const lifeS = Math.max(1, Math.floor((putUrlExpiresAt.getTime() - now.getTime()) / 1000))
  const { url, headers } = await app.storage.presignPut(
    incomingKey(picture.id),
    { contentType, sizeBytes, sha256 },
    lifeS,
  )
  return { url, headers, expiresAt: putUrlExpiresAt.toISOString() }
}

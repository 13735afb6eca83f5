import { type Context } from '../../kernel/context'
import { type Value } from '../../kernel/schema'
import { type Picture } from '../../models'
import { type putView } from '../music-upload/views'
import { incomingKey } from './places'
import { picturePutLifeMs } from './rules'

/** When a URL that is signed now stops working: never after its picture is waited for no longer. */
export const putExpiry = (now: Date, pictureExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + picturePutLifeMs, pictureExpiresAt.getTime()))

/** The right to send this very file, for as long as `picture.putExpiresAt` says. */
export async function presignFor(picture: Picture, { world, now }: Context): Promise<Value<typeof putView>> {
  const { contentType, sizeBytes, putExpiresAt } = picture
  const sha256 = Buffer.from(picture.sha256, 'hex').toString('base64')
  const lifeS = Math.max(1, Math.floor((putExpiresAt.getTime() - now.getTime()) / 1000))
  const { url, headers } = await world.storage.presignPut(
    incomingKey(picture.id),
    { contentType, sizeBytes, sha256 },
    lifeS,
  )
  return { url, headers, expiresAt: putExpiresAt.toISOString() }
}

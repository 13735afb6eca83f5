import { type Context } from '../../kernel/context'
import { type Value } from '../../kernel/schema'
import { type Upload } from '../../models'
import { incomingKey } from './places'
import { putLifeMs } from './rules'
import { type putView } from './views'

/** When a URL that is signed now stops working: never after its upload. */
export const putExpiry = (now: Date, uploadExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + putLifeMs, uploadExpiresAt.getTime()))

/** The right to send this very file, for as long as `upload.putExpiresAt` says. */
export async function presignFor(upload: Upload, { world, now }: Context): Promise<Value<typeof putView>> {
  const { contentType, sizeBytes, putExpiresAt } = upload
  const sha256 = Buffer.from(upload.sha256, 'hex').toString('base64')
  const file = { contentType, sizeBytes: Number(sizeBytes), sha256 }
  const lifeS = Math.max(1, Math.floor((putExpiresAt.getTime() - now.getTime()) / 1000))
  const { url, headers } = await world.storage.presignPut(incomingKey(upload.id), file, lifeS)
  return { url, headers, expiresAt: putExpiresAt.toISOString() }
}

import { Op, Transaction } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { line, pattern, type Value, whole } from '../../kernel/schema'
import { Profile, Upload } from '../../models'
import { uploadChanged } from './events'
import { audioType } from './fields'
import { presignFor, putExpiry } from './presign'
import { tooManyUploads } from './refusals'
import { pendingUploadsMax, uploadBytesMax, uploadLifeMs } from './rules'
import { type putView, viewUpload } from './views'

/** What is said of a file before it is sent. */
export const fileFields = {
  fileName: line(255),
  contentType: audioType,
  sizeBytes: whole(1, uploadBytesMax),
  sha256: pattern(/^[0-9a-f]{64}$/, 64),
}

type Announced = { [Name in keyof typeof fileFields]: Value<(typeof fileFields)[Name]> } & Partial<
  Pick<Upload, 'title' | 'description' | 'genre' | 'visibility' | 'trackId' | 'replacesAudio'>
>

/** How many uploads of a person wait for their file; serialises those that are announced at once, or one too many slips through. */
export async function countPending({ actor, now }: Pick<Context<Actor>, 'actor' | 'now'>): Promise<number> {
  await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
  return Upload.count({ where: { ownerId: actor.id, state: 'initiated', expiresAt: { [Op.gt]: now } } })
}

/**
 * An upload that waits for its file, and where the file is to be sent.
 * @throws `too_many_uploads`
 */
export async function announceUpload(
  announced: Announced,
  pending: number,
  context: Context<Actor>,
): Promise<{ upload: Upload; put: Value<typeof putView> }> {
  if (pending >= pendingUploadsMax) throw tooManyUploads()
  const { actor, now } = context
  const expiresAt = new Date(now.getTime() + uploadLifeMs)
  const upload = await Upload.create({
    visibility: 'public',
    ...announced,
    id: newId(now),
    ownerId: actor.id,
    state: 'initiated',
    createdAt: now,
    expiresAt,
    putExpiresAt: putExpiry(now, expiresAt),
  })
  await context.emit(uploadChanged, { ownerId: actor.id, upload: viewUpload(upload) })
  return { upload, put: await presignFor(upload, context) }
}

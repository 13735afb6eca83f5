import { Op, Transaction } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { refusals } from '../../kernel/refusals'
import { line, optional, pattern, type Shape, whole } from '../../kernel/schema'
import { Profile, Upload } from '../../models'
import { uploadChanged } from './events'
import { audioType } from './fields'
import { partPlan } from './part-plan'
import { presignFor, putExpiry } from './presign'
import { quotaExceeded, tooManyUploads } from './refusals'
import { partBytesFor, pendingUploadsMax, singlePutBytesMax, uploadBytesMax, uploadLifeMs } from './rules'
import { trackOfSameContent } from './same-content'
import { storageUseOf } from './storage-use'
import { type SendingView, viewUpload } from './views'

export const sha256Hex = pattern(/^[0-9a-f]{64}$/, 64)

/** What is said of a file before it is sent. Without its SHA-256 only when it is sent in parts: they have their own. */
export const fileFields = {
  fileName: line(255),
  contentType: audioType,
  sizeBytes: whole(1, uploadBytesMax),
  sha256: optional(sha256Hex),
}

type Announced = Shape<typeof fileFields> &
  Partial<
    Pick<
      Upload,
      'title' | 'description' | 'genre' | 'visibility' | 'releaseAt' | 'isDownloadable' | 'trackId' | 'replacesAudio'
    >
  >

/** The uploads of a person that wait for their file, as many as there may be. */
export type Pending = readonly Pick<Upload, 'expiresAt'>[]

/** Serialises those that are announced at once, or one too many slips through. What expires first comes first. */
export async function pendingUploads({ actor, now }: Pick<Context<Actor>, 'actor' | 'now'>): Promise<Pending> {
  await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
  return Upload.findAll({
    attributes: ['expiresAt'],
    where: { ownerId: actor.id, state: 'initiated', expiresAt: { [Op.gt]: now } },
    order: ['expiresAt'],
    limit: pendingUploadsMax,
  })
}

/**
 * An upload that waits for its file, its bytes reserved, and where the file is to be sent: the URL of one PUT, or how it is
 * cut into parts. To be called under the lock that `pendingUploads` takes.
 * @throws `too_many_uploads`, `quota_exceeded`, `invalid_input` without the SHA-256 of a file that is sent by one PUT
 */
export async function announceUpload(
  announced: Announced,
  pending: Pending,
  context: Context<Actor>,
): Promise<{ upload: Upload } & SendingView> {
  const { sizeBytes, sha256 } = announced
  const partBytes = partBytesFor(sizeBytes)
  if (partBytes === null && sha256 === undefined) throw sha256Wanted()
  refuseTooMany(pending, context)
  await refuseBeyondQuota(sizeBytes, context)

  const { actor, now } = context
  const expiresAt = new Date(now.getTime() + uploadLifeMs)
  const upload = await Upload.create({
    visibility: 'public',
    ...announced,
    id: newId(now),
    ownerId: actor.id,
    state: 'initiated',
    partBytes,
    duplicateOf: sha256 === undefined ? null : await trackOfSameContent(actor.id, sha256, context),
    createdAt: now,
    expiresAt,
    putExpiresAt: putExpiry(now, expiresAt),
  })
  await context.emit(uploadChanged, { ownerId: actor.id, upload: viewUpload(upload) })
  const plan = partPlan(upload)
  if (plan === undefined) return { upload, put: await presignFor(upload, context), parts: null }
  return { upload, put: null, parts: { partBytes: plan.partBytes, count: plan.count } }
}

function refuseTooMany(pending: Pending, { now }: Pick<Context, 'now'>): void {
  const [first] = pending
  if (first === undefined || pending.length < pendingUploadsMax) return
  throw tooManyUploads(undefined, { retryAfter: Math.ceil((first.expiresAt.getTime() - now.getTime()) / 1000) })
}

async function refuseBeyondQuota(sizeBytes: number, context: Context<Actor>): Promise<void> {
  const current = await storageUseOf(context.actor.id, context)
  const { usedBytes, reservedBytes, quotaBytes } = current
  if (usedBytes + reservedBytes + sizeBytes <= quotaBytes) return
  throw quotaExceeded(`${usedBytes + reservedBytes} of ${quotaBytes} bytes are taken.`, { current })
}

const sha256Wanted = () =>
  refusals.invalidInput(undefined, {
    errors: [{ path: 'sha256', code: 'required', message: `sha256 is required up to ${singlePutBytesMax} bytes` }],
  })

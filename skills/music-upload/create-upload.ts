import { Op, Transaction } from 'sequelize'
import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { newId } from '../../kernel/pipeline/new-id'
import { refuseTooMany } from '../../kernel/pipeline/refuse-too-many'
import { invalidField } from '../../kernel/pipeline/refusals'
import { line, oneOf, optional, type Shape, integer } from '../../kernel/pipeline/schema'
import { presignIncoming, sha256Hex, urlExpiry } from '../../kernel/platform/incoming-files'
import { Profile, Upload } from '../../models'
import { uploadChanged } from './events'
import { partPlan } from './part-plan'
import { quotaExceeded, tooManyUploads } from './refusals'
import {
  audioTypes,
  partBytesFor,
  pendingUploadsMax,
  putLifeMs,
  singlePutBytesMax,
  uploadBytesMax,
  uploadLifeMs,
} from './rules'
import { loadStorageUsage } from './storage-usage'
import { findDuplicateTrack, type SendingView, viewUpload } from './views'

/**
 * What a client declares about a file before it sends it. Only a file sent in parts may omit its SHA-256: each part
 * has its own.
 */
export const fileFields = {
  fileName: line(255),
  contentType: oneOf(...audioTypes),
  sizeBytes: integer(1, uploadBytesMax),
  sha256: optional(sha256Hex),
}

type NewUpload = Shape<typeof fileFields> &
  Partial<
    Pick<
      Upload,
      'title' | 'description' | 'genre' | 'visibility' | 'releaseAt' | 'isDownloadable' | 'trackId' | 'replacesAudio'
    >
  >

/** A person's uploads that wait for their file, at most `pendingUploadsMax`. */
export type PendingUploads = readonly Pick<Upload, 'expiresAt'>[]

/**
 * Loads a person's pending uploads, the first to expire first. Locks the profile, so that concurrent calls cannot
 * exceed the limit.
 */
export async function lockPendingUploads({
  actor,
  now,
}: Pick<Context<Actor>, 'actor' | 'now'>): Promise<PendingUploads> {
  await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
  return Upload.findAll({
    attributes: ['expiresAt'],
    where: { ownerId: actor.id, state: 'initiated', expiresAt: { [Op.gt]: now } },
    order: ['expiresAt'],
    limit: pendingUploadsMax,
  })
}

/**
 * Creates an upload, reserves its bytes in the quota, and returns where to send the file: the URL of one PUT, or the
 * sizes of its parts. Call it while holding the lock that `lockPendingUploads` takes.
 * @throws `too_many_uploads`, `quota_exceeded`; `invalid_input` when a file for one PUT has no SHA-256
 */
export async function createUpload(
  declared: NewUpload,
  pending: PendingUploads,
  context: Context<Actor>,
): Promise<{ upload: Upload } & SendingView> {
  const { sizeBytes, sha256 } = declared
  const partBytes = partBytesFor(sizeBytes)
  if (partBytes === null && sha256 === undefined) throw sha256Required()
  refuseTooMany(pending, pendingUploadsMax, context.now, tooManyUploads)
  await refuseBeyondQuota(sizeBytes, context)

  const { actor, now } = context
  const expiresAt = new Date(now.getTime() + uploadLifeMs)
  const upload = await Upload.create({
    visibility: 'public',
    ...declared,
    id: newId(now),
    ownerId: actor.id,
    state: 'initiated',
    partBytes,
    duplicateOf: sha256 === undefined ? null : await findDuplicateTrack(actor.id, sha256, context),
    createdAt: now,
    expiresAt,
    putUrlExpiresAt: urlExpiry(now, putLifeMs, expiresAt),
  })
  await context.emit(uploadChanged, { ownerId: actor.id, upload: viewUpload(upload) })
  const plan = partPlan(upload)
  if (plan === undefined) return { upload, putRequest: await presignIncoming(upload, context), parts: null }
  return { upload, putRequest: null, parts: { partBytes: plan.partBytes, count: plan.count } }
}

async function refuseBeyondQuota(sizeBytes: number, context: Context<Actor>): Promise<void> {
  const current = await loadStorageUsage(context.actor.id, context)
  const { usedBytes, reservedBytes, quotaBytes } = current
  if (usedBytes + reservedBytes + sizeBytes <= quotaBytes) return
  throw quotaExceeded(`${usedBytes + reservedBytes} of ${quotaBytes} bytes are in use.`, { current })
}

const sha256Required = () =>
  invalidField('sha256', 'required', `sha256 is required for files up to ${singlePutBytesMax} bytes`)

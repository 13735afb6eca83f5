import { Op, Transaction } from 'sequelize'
import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { operation } from '../../kernel/operation'
import { id, line, nullable, optional, pattern, shape, whole } from '../../kernel/schema'
import { Profile, Upload } from '../../models'
import { uploadChanged } from './events'
import { audioType, trackWords } from './fields'
import { presignFor, putExpiry } from './presign'
import { tooManyUploads } from './refusals'
import { pendingUploadsMax, uploadBytesMax, uploadLifeMs } from './rules'
import { putView, uploadView, viewUpload } from './views'

export const initiateUpload = operation({
  name: 'music-upload.initiateUpload',
  route: 'POST /uploads',
  summary: 'Announce a file. The answer says where to PUT it, within 30 minutes; renew the URL when it takes longer.',
  who: 'signed-in',
  input: shape({
    fileName: line(255),
    contentType: audioType,
    sizeBytes: whole(1, uploadBytesMax),
    sha256: pattern(/^[0-9a-f]{64}$/, 64),
    title: optional(trackWords.title),
    description: optional(trackWords.description),
    genre: optional(trackWords.genre),
    visibility: optional(trackWords.visibility),
  }),
  /** `duplicateOf`: a track of yours that holds the very same file. */
  output: shape({ upload: uploadView, put: putView, duplicateOf: nullable(id) }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyUploads],

  async load(_input, { actor, now }) {
    // Serialises the uploads that one person announces at once: the eleventh would slip through otherwise.
    await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
    return { pending: await countPending(actor.id, now) }
  },

  allow: () => true,

  async run({ input, subject, actor }, context) {
    if (subject.pending >= pendingUploadsMax) throw tooManyUploads()
    const { now } = context
    const expiresAt = new Date(now.getTime() + uploadLifeMs)
    const upload = await Upload.create({
      visibility: 'public',
      ...input,
      id: newId(now),
      ownerId: actor.id,
      state: 'initiated',
      createdAt: now,
      expiresAt,
      putExpiresAt: putExpiry(now, expiresAt),
    })
    await context.emit(uploadChanged, { ownerId: actor.id, upload: viewUpload(upload) })
    const duplicateOf = await contentAlreadyThere(actor.id, input.sha256, context)
    return { upload: viewUpload(upload), put: await presignFor(upload, context), duplicateOf }
  },
})

/** How many uploads of a person wait for their file. */
const countPending = (ownerId: string, now: Date): Promise<number> =>
  Upload.count({ where: { ownerId, state: 'initiated', expiresAt: { [Op.gt]: now } } })

/** The newest track of a person that was made of the very same bytes. */
async function contentAlreadyThere(
  ownerId: string,
  sha256: string,
  { world }: Pick<Context, 'world'>,
): Promise<string | null> {
  const [known] = await world.db.query<{ id: string }>(
    `select track.id from uploads upload join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and upload.sha256 = :sha256 and upload.state = 'ready' and track.removed_at is null
     order by track.created_at desc limit 1`,
    { ownerId, sha256 },
  )
  return known?.id ?? null
}

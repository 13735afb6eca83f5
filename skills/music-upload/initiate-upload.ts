import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { id, nullable, optional, shape } from '../../kernel/schema'
import { announceUpload, countPending, fileFields } from './announce-upload'
import { trackWords } from './fields'
import { tooManyUploads } from './refusals'
import { putView, uploadView, viewUpload } from './views'

export const initiateUpload = operation({
  name: 'music-upload.initiateUpload',
  route: 'POST /uploads',
  summary: 'Announce a file. The answer says where to PUT it, within 30 minutes; renew the URL when it takes longer.',
  who: 'signed-in',
  input: shape({
    ...fileFields,
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

  load: async (_input, context) => ({ pending: await countPending(context) }),

  allow: () => true,

  async run({ input, subject: { pending }, actor }, context) {
    const { upload, put } = await announceUpload(input, pending, context)
    const duplicateOf = await contentAlreadyThere(actor.id, input.sha256, context)
    return { upload: viewUpload(upload), put, duplicateOf }
  },
})

/** The newest track of a person that was made of the very same bytes. */
async function contentAlreadyThere(
  ownerId: string,
  sha256: string,
  { world }: Pick<Context, 'world'>,
): Promise<string | null> {
  const [known] = await world.db.query<{ id: string }>(
    `select track.id from uploads upload join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and upload.sha256 = :sha256 and upload.state = 'ready' and track.removed_at is null
       and coalesce(track.audio_version, upload.id) = upload.id
     order by track.created_at desc limit 1`,
    { ownerId, sha256 },
  )
  return known?.id ?? null
}

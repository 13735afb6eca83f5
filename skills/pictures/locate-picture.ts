import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { address, count, id, oneOf, shape } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Picture } from '../../models'
import { mayBeSeen } from './may-be-seen'
import { pictureKey } from './places'
import { type PictureFile, pictureFiles } from './rules'
import { addressCacheKey } from './views'

/** With a distribution the address never changes; a day is enough to save the way here. */
const keepAtEdgeSeconds = 24 * 60 * 60
/** An address of the bucket is good for an hour, kept here for 45 minutes and by others for ten: five are left to go there. */
const presignedSeconds = 60 * 60
const presignedKeptMs = 45 * 60_000
const keepSeconds = 10 * 60

export const locatePicture = operation({
  name: 'pictures.locatePicture',
  route: 'GET /pictures/:pictureId/:file',
  summary:
    'Where a file of a picture lies: squares of at most so many pixels. Over REST a redirect, so that it may stand in an <img>.',
  who: 'anyone',
  input: shape({ pictureId: id, file: oneOf(...pictureFiles) }),
  /** The answer itself may be kept for `keepSeconds`. */
  output: shape({ url: address, keepSeconds: count }),
  // A page of covers is one call for each, and many people may share an address.
  limit: { perMinute: 6_000 },
  idempotency: 'read',
  redirectOf: answer => answer,

  // Whoever has the id may see it: it is 122 random bits, told only where the picture is shown.
  async load({ pictureId, file }, { world }) {
    const { cdn } = world.config
    const url = await world.cache.through(addressCacheKey(pictureId, file), presignedKeptMs, async () => {
      if (!(await isThere(pictureId, world))) return undefined
      return cdn === undefined ? presign(pictureId, file, world) : `${cdn.origin}/${pictureKey(pictureId, file)}`
    })
    if (url === undefined) throw refusals.notFound()
    return { url, keepSeconds: cdn === undefined ? keepSeconds : keepAtEdgeSeconds }
  },

  allow: () => true,

  run: async ({ subject }) => subject,
})

const isThere = async (id: string, { clock }: World): Promise<boolean> =>
  (await Picture.count({ where: { id, ...mayBeSeen(['ready'], new Date(clock.now())) } })) > 0

const presign = (pictureId: string, file: PictureFile, { storage }: World): Promise<string> =>
  storage.presignGet(
    pictureKey(pictureId, file),
    presignedSeconds,
    file.endsWith('.webp') ? 'image/webp' : 'image/jpeg',
  )

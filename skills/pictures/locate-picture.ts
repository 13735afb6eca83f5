import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { address, count, id, oneOf, shape } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Picture } from '../../models'
import { mayBeSeen } from './may-be-seen'
import { pictureKey } from './places'
import { type PictureFile, pictureFiles } from './rules'
import { addressCacheKey } from './views'

/** With a CDN the URL never changes; a day saves most redirects. */
const keepAtEdgeSeconds = 24 * 60 * 60
/**
 * A presigned URL is valid for an hour, cached here for 45 minutes and by clients for 10: 5 minutes are left to use
 * it.
 */
const presignedSeconds = 60 * 60
const presignedKeptMs = 45 * 60_000
const keepSeconds = 10 * 60

export const locatePicture = operation({
  name: 'pictures.locatePicture',
  route: 'GET /pictures/:pictureId/:file',
  summary: 'Get a file of a picture',
  description: 'Squares, named by their size in pixels. Over REST a redirect, for use in an <img>.',
  who: 'anyone',
  input: shape({ pictureId: id, file: oneOf(...pictureFiles) }),
  /** How long the answer may be cached. */
  output: shape({ url: address, keepSeconds: count }),
  // High, since a page of covers needs one call per cover, and many people may share an IP address.
  limit: { perMinute: 6_000 },
  idempotency: 'read',
  redirectOf: answer => answer,

  // Anybody with the id may see it: it has 122 random bits, and appears only where the picture is shown.
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

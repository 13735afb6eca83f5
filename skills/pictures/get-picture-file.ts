import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { url, count, id, oneOf, shape } from '../../kernel/pipeline/schema'
import { type AppContext } from '../../kernel/platform/app-context'
import { Picture } from '../../models'
import { stillServed } from './still-served'
import { pictureKey } from './object-keys'
import { pictureContentType, type PictureFile, pictureFiles } from '../../media/pictures/picture-files'
import { fileUrlCacheKey } from './views'

/** With a CDN the URL never changes; a day saves most redirects. */
const edgeMaxAgeSeconds = 24 * 60 * 60
/**
 * A presigned URL is valid for an hour, cached here for 45 minutes and by clients for 10: 5 minutes are left to use
 * it.
 */
const presignedSeconds = 60 * 60
const presignedKeptMs = 45 * 60_000
const maxAgeSeconds = 10 * 60

export const getPictureFile = operation({
  name: 'pictures.getPictureFile',
  route: 'GET /pictures/:pictureId/:file',
  summary: 'Get a file of a picture',
  description: 'Squares, named by their size in pixels. Over REST a redirect, for use in an <img>.',
  auth: 'public',
  input: shape({ pictureId: id, file: oneOf(...pictureFiles) }),
  /** How long the answer may be cached. */
  output: shape({ url, maxAgeSeconds: count }),
  // High, since a page of covers needs one call per cover, and many people may share an IP address.
  limit: { perMinute: 6_000 },
  idempotency: 'read',
  redirectTo: answer => answer,

  // Anybody with the id may see it: it has 122 random bits, and appears only where the picture is shown.
  async load({ pictureId, file }, { app }) {
    const { cdn } = app.config
    const url = await app.cache.getOrLoad(fileUrlCacheKey(pictureId, file), presignedKeptMs, async () => {
      if (!(await isThere(pictureId, app))) return undefined
      return cdn === undefined ? presign(pictureId, file, app) : `${cdn.origin}/${pictureKey(pictureId, file)}`
    })
    if (url === undefined) throw refusals.notFound()
    return { url, maxAgeSeconds: cdn === undefined ? maxAgeSeconds : edgeMaxAgeSeconds }
  },

  allow: () => true,

  run: async ({ subject }) => subject,
})

const isThere = async (id: string, { clock }: AppContext): Promise<boolean> =>
  (await Picture.count({ where: { id, ...stillServed(['ready'], new Date(clock.now())) } })) > 0

const presign = (pictureId: string, file: PictureFile, { storage }: AppContext): Promise<string> =>
  storage.presignGet(pictureKey(pictureId, file), presignedSeconds, pictureContentType(file))

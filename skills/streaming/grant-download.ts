import { operation } from '../../kernel/operation'
import { address, count, id, instant, nullable, optional, shape, written } from '../../kernel/schema'
import { Upload } from '../../models'
import { attachment, fileNameOf } from './attachment'
import { downloadLifeMs, expiryAfter, mayDownload, notDownloadable, notReady } from './rules'
import { shownTrack, trackSecret } from './views'

export const grantDownload = operation({
  name: 'streaming.grantDownload',
  route: 'POST /tracks/:trackId/download',
  summary:
    'Where the file of a track may be downloaded as it was uploaded, where its artist allows that. No play is counted.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: shape({
    url: address,
    fileName: written,
    contentType: written,
    sizeBytes: nullable(count),
    expiresAt: instant,
  }),
  limit: { perMinute: 60 },
  idempotency: 'natural',
  changesNothing: true,
  refuses: [notReady, notDownloadable],

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ subject: track, actor }, { now, world }) {
    const { title, state, audioKey, contentType } = track
    if (!mayDownload(actor, track)) throw notDownloadable()
    if (state !== 'ready' || audioKey === null || contentType === null) throw notReady()
    const expiresAt = expiryAfter(now, downloadLifeMs)
    const fileName = fileNameOf(title, audioKey)
    const url = await world.media.signedUrl(audioKey, contentType, now, expiresAt, attachment(fileName))
    return { url, fileName, contentType, sizeBytes: await sizeOf(audioKey), expiresAt: expiresAt.toISOString() }
  },
})

/** As it was announced and checked: the key is named after the upload. */
async function sizeOf(audioKey: string): Promise<number | null> {
  const [, uploadId] = /\/([0-9a-f-]{36})\.\w+$/.exec(audioKey) ?? []
  if (uploadId === undefined) return null
  const upload = await Upload.findByPk(uploadId, { attributes: ['sizeBytes'] })
  return upload === null ? null : Number(upload.sizeBytes)
}

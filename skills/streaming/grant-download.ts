import { operation } from '../../kernel/operation'
import { address, count, id, instant, nullable, optional, shape, written } from '../../kernel/schema'
import { TrackAudio, Upload } from '../../models'
import { attachment, fileNameOf } from './attachment'
import { copyOf } from './copy-of'
import {
  audioVersionOf,
  downloadLifeMs,
  downloadNotReady,
  expiryAfter,
  mayDownload,
  mayEditTrack,
  notCopyable,
  notDownloadable,
  notReady,
} from './rules'
import { shownTrack, trackSecret } from './views'

export const grantDownload = operation({
  name: 'streaming.grantDownload',
  route: 'POST /tracks/:trackId/download',
  summary: 'Get a download URL for a track',
  description:
    'Works when its artist allows downloads. Listeners get a copy without tags, pictures and chapters, which may be ' +
    'personal; the artist gets the original file. Does not count as a play.',
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
  refuses: [notReady, notDownloadable, downloadNotReady, notCopyable],

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ subject: track, actor }, { now, world }) {
    const { id: trackId, title, state, audioKey, contentType } = track
    if (!mayDownload(actor, track)) throw notDownloadable()
    if (state !== 'ready' || audioKey === null || contentType === null) throw notReady()
    const isOwn = mayEditTrack(actor, track)
    const version = audioVersionOf(track)
    const { key, sizeBytes } = isOwn ? await originalOf(audioKey, version) : await downloadCopyFor(trackId, version)
    const expiresAt = expiryAfter(now, downloadLifeMs)
    const fileName = fileNameOf(title, key)
    const url = await world.media.signedUrl(key, contentType, now, expiresAt, attachment(fileName))
    return { url, fileName, contentType, sizeBytes, expiresAt: expiresAt.toISOString() }
  },
})

/** Size as declared and verified at upload. */
async function originalOf(key: string, version: string | null): Promise<{ key: string; sizeBytes: number | null }> {
  const upload = version === null ? null : await Upload.findByPk(version, { attributes: ['sizeBytes'] })
  return { key, sizeBytes: upload === null ? null : Number(upload.sizeBytes) }
}

/**
 * Only the owner may download the original.
 * @throws `download_not_ready`, `not_copyable`
 */
async function downloadCopyFor(trackId: string, version: string | null): Promise<{ key: string; sizeBytes: number }> {
  const audio = await TrackAudio.findByPk(trackId)
  // Only a copy of the audio version seen above: the audio may be replaced concurrently.
  const copy = audio !== null && audio.uploadId === version ? copyOf(audio) : undefined
  if (copy === undefined) throw downloadNotReady()
  if (copy === null) throw notCopyable()
  return copy
}

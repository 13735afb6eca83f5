import { operation } from '../../kernel/pipeline/operation'
import { url, count, id, timestamp, nullable, optional, shape, outputText } from '../../kernel/pipeline/schema'
import { TrackAudio, Upload } from '../../models'
import { contentDisposition, downloadFileName } from './content-disposition'
import { downloadCopyOf } from '../music-processing/rules'
import { mayEditTrack, trackNotReady } from '../tracks/rules'
import {
  downloadLifeMs,
  downloadNotReady,
  expiryInWholeSeconds,
  mayDownload,
  downloadUnavailable,
  notDownloadable,
} from './rules'
import { loadTrackWithSecret, trackSecret } from '../tracks/views'

export const grantDownload = operation({
  name: 'streaming.grantDownload',
  route: 'POST /tracks/:trackId/download',
  summary: 'Get a download URL for a track',
  description:
    'Works when its artist allows downloads. Listeners get a copy without tags, pictures and chapters, which may be ' +
    'personal; the artist gets the original file. Does not count as a play.',
  auth: 'public',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: shape({
    url,
    fileName: outputText,
    contentType: outputText,
    sizeBytes: nullable(count),
    expiresAt: timestamp,
  }),
  limit: { perMinute: 60 },
  idempotency: 'natural',
  readOnly: true,
  refuses: [trackNotReady, notDownloadable, downloadNotReady, downloadUnavailable],

  load: (input, context) => loadTrackWithSecret(input, context),

  allow: () => true,

  async run({ subject: track, actor }, { now, app }) {
    const { id: trackId, title, state, audioKey, audioVersion: version, contentType } = track
    if (!mayDownload(actor, track)) throw notDownloadable()
    if (state !== 'ready' || audioKey === null || contentType === null) throw trackNotReady()
    const isOwn = mayEditTrack(actor, track)
    const { key, sizeBytes } = isOwn ? await originalOf(audioKey, version) : await downloadCopyFor(trackId, version)
    const expiresAt = expiryInWholeSeconds(now, downloadLifeMs)
    const fileName = downloadFileName(title, key)
    const url = await app.mediaUrls.signUrl(key, contentType, now, expiresAt, contentDisposition(fileName))
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
 * @throws `download_not_ready`, `download_unavailable`
 */
async function downloadCopyFor(trackId: string, version: string | null): Promise<{ key: string; sizeBytes: number }> {
  const audio = await TrackAudio.findByPk(trackId)
  // Only a copy of the audio version seen above: the audio may be replaced concurrently.
  const copy = audio !== null && audio.uploadId === version ? downloadCopyOf(audio) : undefined
  if (copy === undefined) throw downloadNotReady()
  if (copy === null) throw downloadUnavailable()
  return copy
}

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
  summary:
    'Where the file of a track may be downloaded, where its artist allows that: without its tags, pictures and chapters, which ' +
    'may be personal. Its artist gets it as it was uploaded. No play is counted.',
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
    const { key, sizeBytes } = isOwn ? await originalOf(audioKey, version) : await cleanOf(trackId, version)
    const expiresAt = expiryAfter(now, downloadLifeMs)
    const fileName = fileNameOf(title, key)
    const url = await world.media.signedUrl(key, contentType, now, expiresAt, attachment(fileName))
    return { url, fileName, contentType, sizeBytes, expiresAt: expiresAt.toISOString() }
  },
})

/** As it was announced and checked. */
async function originalOf(key: string, version: string | null): Promise<{ key: string; sizeBytes: number | null }> {
  const upload = version === null ? null : await Upload.findByPk(version, { attributes: ['sizeBytes'] })
  return { key, sizeBytes: upload === null ? null : Number(upload.sizeBytes) }
}

/** @throws `download_not_ready`, `not_copyable`: the file itself is for nobody else. */
async function cleanOf(trackId: string, version: string | null): Promise<{ key: string; sizeBytes: number }> {
  const audio = await TrackAudio.findByPk(trackId)
  // Of the file that the track was just seen to have: it may be replaced at this moment.
  const copy = audio !== null && audio.uploadId === version ? copyOf(audio) : undefined
  if (copy === undefined) throw downloadNotReady()
  if (copy === null) throw notCopyable()
  return copy
}

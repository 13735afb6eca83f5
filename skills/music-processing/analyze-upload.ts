import { join } from 'node:path'
import { type JobContext } from '../../kernel/events/job'
import { inPrivateFolder } from '../../media/private-folder'
import { copyIncoming, downloadIncoming } from '../../kernel/platform/incoming-files'
import { Track } from '../../models'
import { hasChromaprint } from '../../media/audio/has-chromaprint'
import { verifyDuration } from '../../media/audio/verify-duration'
import { measureAudio } from '../../media/audio/measure-audio'
import { probeAudio } from '../../media/audio/probe-audio'
import { packageStreams } from '../../media/audio/package-streams'
import { type AnalyzedUpload } from './analyzed-upload'
import { DownloadCopyFailed, type DownloadCopy, buildDownloadCopy, noDownloadCopy } from './build-download-copy'
import { saveContentHash } from './save-content-hash'
import { audioKey } from './rules'
import { reportStep, type UploadWithTrack } from './processing-states'
import { storeStreams } from './store-streams'
import { withHeartbeat } from './with-heartbeat'

/**
 * Downloads the sent file, analyzes and encodes it, and stores what is served. Writes nothing to the database but
 * progress and content hash.
 */
export const analyzeUpload = (upload: UploadWithTrack, context: JobContext): Promise<AnalyzedUpload> =>
  inPrivateFolder(folder => analyzeFile(upload, folder, context))

async function analyzeFile(upload: UploadWithTrack, folder: string, context: JobContext): Promise<AnalyzedUpload> {
  const { app, signal, transact } = context
  const { ffmpeg, ffprobe } = app.config.tools
  const { id: uploadId, trackId } = upload
  const path = join(folder, 'original')
  const { sha256 } = await downloadIncoming(upload, path, context)
  await transact(inside => saveContentHash(uploadId, sha256, inside))

  await transact(inside => reportStep(uploadId, 'probing', 20, inside))
  const probe = await probeAudio(ffprobe, path, signal)

  await transact(inside => reportStep(uploadId, 'waveform', 40, inside))
  const fingerprintPath = (await hasChromaprint(ffmpeg)) ? join(folder, 'fingerprint') : null
  const { format } = probe
  const measurements = await measureAudio({
    ...{ ffmpeg, path, format, durationMs: probe.durationMs, fingerprintPath, signal },
  })
  const durationMs = verifyDuration(probe, measurements)

  await transact(inside => reportStep(uploadId, 'encoding', 50, inside))
  const streams = await withHeartbeat(uploadId, context, (signal, onProgress) =>
    packageStreams(
      { ffmpeg, path, probe, durationMs, folder: join(folder, 'streams'), wantsOpus: app.config.encodeOpus, signal },
      onProgress,
    ),
  )

  await transact(inside => reportStep(uploadId, 'storing', 80, inside))
  const key = audioKey(trackId, uploadId, format.extension)
  await copyIncoming(upload, key, format.contentType, context)
  const stored = await storeStreams({ trackId, uploadId }, streams, context)
  // After the streams are off the disk: the copy takes as much room as the file. Made only when downloads are
  // allowed; otherwise a job makes it later.
  const download = (await isDownloadable(trackId))
    ? await buildDownloadCopy({ trackId, uploadId, path, probe, durationMs, folder }, context).catch(retryLater)
    : noDownloadCopy
  return { key, probe, durationMs, measurements, streams: stored, download }
}

/** The track is playable without it: the copy job retries, and records when no copy can be made. */
function retryLater(error: unknown): DownloadCopy {
  if (error instanceof DownloadCopyFailed) return noDownloadCopy
  throw error
}

async function isDownloadable(trackId: string): Promise<boolean> {
  const track = await Track.findByPk(trackId, { attributes: ['isDownloadable'] })
  return track?.isDownloadable === true
}

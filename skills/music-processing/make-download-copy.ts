import { join } from 'node:path'
import { type Context } from '../../kernel/pipeline/context'
import { type Job, job, type JobContext } from '../../kernel/events/job'
import { type JobOptions } from '../../kernel/events/job-spec'
import { inPrivateFolder } from '../../media/private-folder'
import { id, shape } from '../../kernel/pipeline/schema'
import { TrackAudio } from '../../models'
import { lockTrack } from '../tracks/views'
import { type ProbedAudio, probeAudio } from '../../media/audio/probe-audio'
import { isCausedByFile } from '../../media/audio/rejection'
import {
  rethrowAsCopyFailed,
  DownloadCopyFailed,
  type DownloadCopy,
  impossibleDownloadCopy,
  buildDownloadCopy,
} from './build-download-copy'
import { downloadJobKeyPrefix, type MissingDownload, findMissingDownload } from './missing-downloads'

/**
 * Makes the download copy of a track that became ready without one: its artist has allowed downloads since, making it
 * failed, or the copy was lost. Safe to run twice, also concurrently: the object key is derived from the upload, and
 * only the run that made the copy records it.
 */
export const makeDownloadCopy: Job<{ trackId: string }> = job({
  name: 'music-processing.makeDownloadCopy',
  payload: shape({ trackId: id }),
  attemptsMax: 5,
  isLong: true,
  isLowPriority: true,

  async run({ trackId }, context) {
    const track = await findMissingDownload(trackId, context)
    if (track === undefined) return
    const copy = await inPrivateFolder(folder => makeCopy(track, folder, context)).catch(
      giveUpOnLastAttempt(track, context),
    )
    const isSaved = await context.transact(() => saveCopy(track, copy))
    if (!isSaved && copy.downloadKey !== null) await context.app.storage.delete(copy.downloadKey)
  },
})

/** One job per track; a track that already has its copy is skipped. */
export const enqueueDownloadCopy = (
  trackId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
  options?: Pick<JobOptions, 'isBackground'>,
): Promise<void> => enqueue(makeDownloadCopy, { trackId }, { key: downloadJobKeyPrefix + trackId, ...options })

async function makeCopy(
  { id: trackId, uploadId, audioKey, durationMs }: MissingDownload,
  folder: string,
  context: JobContext,
) {
  const { app, signal } = context
  const path = join(folder, 'original')
  const stored = await app.storage.head(audioKey)
  if (stored === undefined) throw new DownloadCopyFailed(new Error('its audio is missing'), true)
  await app.storage.download(audioKey, path, { etag: stored.etag, signal })
  const probe = await probeOrSkip(path, context)
  return probe === undefined
    ? impossibleDownloadCopy(uploadId)
    : buildDownloadCopy({ trackId, uploadId, path, probe, durationMs, folder }, context)
}

/** Undefined when a newer rule refuses the file. */
async function probeOrSkip(path: string, { app, signal }: JobContext): Promise<ProbedAudio | undefined> {
  try {
    return await probeAudio(app.config.tools.ffprobe, path, signal)
  } catch (error) {
    if (isCausedByFile(error)) return undefined
    return rethrowAsCopyFailed(error, signal)
  }
}

/**
 * On the last attempt, record that no copy can be made when the file is to blame (it timed out each time, or is
 * gone): the sweep would retry it forever. Rethrow when the job was stopped, or when machine, store or database
 * failed: a later attempt may succeed.
 */
const giveUpOnLastAttempt =
  ({ id: trackId, uploadId }: MissingDownload, { isLastAttempt, app }: JobContext) =>
  (error: unknown): DownloadCopy => {
    if (!isLastAttempt || !(error instanceof DownloadCopyFailed && error.blamesFile)) throw error
    app.log.warn({ trackId, uploadId, reason: error.message }, 'gave up making a download copy')
    return impossibleDownloadCopy(uploadId)
  }

/**
 * Records the copy, unless the track was deleted or has other audio by now. Takes the track lock, which a replacement
 * takes, too.
 */
async function saveCopy({ id: trackId, uploadId, audioKey }: MissingDownload, copy: DownloadCopy): Promise<boolean> {
  const track = await lockTrack(trackId)
  if (track === null || track.deletedAt !== null || track.audioKey !== audioKey) return false
  const audio = await TrackAudio.findByPk(trackId)
  if (audio === null) await TrackAudio.create({ trackId, uploadId, ...copy })
  // Keep the copy that a concurrent run has made when this run made none.
  else if (copy.downloadKey !== null || audio.downloadUploadId !== uploadId) await audio.update(copy)
  return true
}

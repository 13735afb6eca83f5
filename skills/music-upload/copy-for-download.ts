import { join } from 'node:path'
import { type Context } from '../../kernel/context'
import { type Job, job, type JobContext, type JobOptions } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { id, shape } from '../../kernel/schema'
import { TrackAudio } from '../../models'
import { lockTrack } from '../streaming/views'
import { type AudioFacts, probeAudio } from './audio/probe-audio'
import { Rejection, saysOfFile } from './audio/rejection'
import { asCopyFailed, CopyFailed, type Download, impossibleDownload, makeDownload } from './make-download'
import { copyKeyPrefix, type Uncopied, uncopied } from './uncopied'

/**
 * Makes the download copy of a track that became ready without one: its artist has allowed downloads since, the track
 * predates download copies, or the copy was lost. Safe to run twice, also concurrently: the object key is derived
 * from the upload, and only the run that made the copy records it.
 */
export const copyForDownload: Job<{ trackId: string }> = job({
  name: 'music-upload.copyForDownload',
  payload: shape({ trackId: id }),
  attemptsMax: 5,
  isLong: true,
  yields: true,

  async run({ trackId }, context) {
    const track = await uncopied(trackId, context)
    if (track === undefined) return
    const copy = await inPrivateFolder(folder => makeCopy(track, folder, context)).catch(
      giveUpOnLastAttempt(track, context),
    )
    const isSaved = await context.transact(() => saveCopy(track, copy))
    if (!isSaved && copy.downloadKey !== null) await context.world.storage.remove(copy.downloadKey)
  },
})

/** One job per track; a track that already has its copy is skipped. */
export const enqueueCopy = (
  trackId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
  options?: Pick<JobOptions, 'isUnasked'>,
): Promise<void> => enqueue(copyForDownload, { trackId }, { key: copyKeyPrefix + trackId, ...options })

async function makeCopy(
  { id: trackId, uploadId, audioKey, durationMs }: Uncopied,
  folder: string,
  context: JobContext,
) {
  const { world, signal } = context
  const path = join(folder, 'original')
  const stored = await world.storage.head(audioKey)
  if (stored === undefined) throw new CopyFailed(new Rejection('file_changed'))
  await world.storage.download(audioKey, path, { etag: stored.etag, signal })
  const facts = await probeOrSkip(path, context)
  return facts === undefined
    ? impossibleDownload(uploadId)
    : makeDownload({ trackId, uploadId, path, facts, durationMs, folder }, context)
}

/** Undefined when a newer rule refuses the file. */
async function probeOrSkip(path: string, { world, signal }: JobContext): Promise<AudioFacts | undefined> {
  try {
    return await probeAudio(world.config.tools.ffprobe, path, signal)
  } catch (error) {
    if (saysOfFile(error)) return undefined
    return asCopyFailed(error, signal)
  }
}

/**
 * On the last attempt, record that no copy can be made when the file is to blame (it timed out each time, or is
 * gone): the sweep would retry it forever. Rethrow when the job was stopped, or when machine, store or database
 * failed: a later attempt may succeed.
 */
const giveUpOnLastAttempt =
  ({ id: trackId, uploadId }: Uncopied, { isLastAttempt, world }: JobContext) =>
  (error: unknown): Download => {
    if (!isLastAttempt || !(error instanceof CopyFailed && error.blamesFile)) throw error
    world.log.warn({ trackId, uploadId, reason: error.message }, 'gave up making a download copy')
    return impossibleDownload(uploadId)
  }

/**
 * Records the copy, unless the track was deleted or has other audio by now. Takes the track lock, which a replacement
 * takes, too.
 */
async function saveCopy({ id: trackId, uploadId, audioKey }: Uncopied, copy: Download): Promise<boolean> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null || track.audioKey !== audioKey) return false
  const audio = await TrackAudio.findByPk(trackId)
  if (audio === null) await TrackAudio.create({ trackId, uploadId, ...copy })
  // Keep the copy that a concurrent run has made when this run made none.
  else if (copy.downloadKey !== null || audio.downloadOf !== uploadId) await audio.update(copy)
  return true
}

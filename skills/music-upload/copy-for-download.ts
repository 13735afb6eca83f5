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
 * Makes the copy for downloads of a track that became ready without one: its artist has allowed downloads since, it is of
 * before there were such copies, or it was lost. Safe to run twice, also at once: a copy has its key from its upload, and
 * whoever made one says so.
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
    const made = await inPrivateFolder(folder => copy(track, folder, context)).catch(asImpossible(track, context))
    const isKept = await context.transact(() => keep(track, made))
    if (!isKept && made.downloadKey !== null) await context.world.storage.remove(made.downloadKey)
  },
})

/** One job for a track; one that has its copy is left alone. */
export const enqueueCopy = (
  trackId: string,
  { enqueue }: Pick<Context, 'enqueue'>,
  options?: Pick<JobOptions, 'isUnasked'>,
): Promise<void> => enqueue(copyForDownload, { trackId }, { key: copyKeyPrefix + trackId, ...options })

async function copy({ id: trackId, uploadId, audioKey, durationMs }: Uncopied, folder: string, context: JobContext) {
  const { world, signal } = context
  const path = join(folder, 'original')
  const stored = await world.storage.head(audioKey)
  if (stored === undefined) throw new CopyFailed(new Rejection('file_changed'))
  await world.storage.download(audioKey, path, { etag: stored.etag, signal })
  const facts = await factsOf(path, context)
  return facts === undefined
    ? impossibleDownload(uploadId)
    : makeDownload({ trackId, uploadId, path, facts, durationMs, folder }, context)
}

/** Undefined of a file of before some rule that refuses it now. */
async function factsOf(path: string, { world, signal }: JobContext): Promise<AudioFacts | undefined> {
  try {
    return await probeAudio(world.config.tools.ffprobe, path, signal)
  } catch (error) {
    if (saysOfFile(error)) return undefined
    return asCopyFailed(error, signal)
  }
}

/**
 * What took too long each time, or is not there to be copied, will be so again, and the sweep would begin it anew for ever: with
 * the last attempt there is no copy. Not when the job was stopped, or machine, store or database is to blame: those get better.
 */
const asImpossible =
  ({ id: trackId, uploadId }: Uncopied, { isLastAttempt, world }: JobContext) =>
  (error: unknown): Download => {
    if (!isLastAttempt || !(error instanceof CopyFailed && error.blamesFile)) throw error
    world.log.warn({ trackId, uploadId, reason: error.message }, 'a copy for downloads is given up')
    return impossibleDownload(uploadId)
  }

/** Unless the track is gone or has other audio by now. Its lock is what a replacement waits for. */
async function keep({ id: trackId, uploadId, audioKey }: Uncopied, made: Download): Promise<boolean> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null || track.audioKey !== audioKey) return false
  const audio = await TrackAudio.findByPk(trackId)
  if (audio === null) await TrackAudio.create({ trackId, uploadId, ...made })
  // What another run has made at the same time stays, when this one made none.
  else if (made.downloadKey !== null || audio.downloadOf !== uploadId) await audio.update(made)
  return true
}

import { join } from 'node:path'
import { type Context } from '../../kernel/context'
import { type Job, job, type JobContext } from '../../kernel/job'
import { inPrivateFolder } from '../../kernel/private-folder'
import { id, shape } from '../../kernel/schema'
import { TrackAudio } from '../../models'
import { lockTrack } from '../streaming/views'
import { probeAudio } from './audio/probe-audio'
import { Rejection } from './audio/rejection'
import { type Download, makeDownload, noDownload } from './make-download'
import { type Uncopied, uncopied } from './uncopied'

/**
 * Makes the copy for downloads of a track that became ready without one: its artist has allowed downloads since, or it is of
 * before there were such copies. Safe to run twice: a copy has its key from its upload.
 */
export const copyForDownload: Job<{ trackId: string }> = job({
  name: 'music-upload.copyForDownload',
  payload: shape({ trackId: id }),
  attemptsMax: 5,
  isLong: true,

  async run({ trackId }, context) {
    const [track] = await uncopied({ trackId }, context)
    if (track === undefined) return
    const made = await inPrivateFolder(folder => copy(track, folder, context))
    const isKept = await context.transact(() => keep(track, made))
    if (!isKept && made.downloadKey !== null) await context.world.storage.remove(made.downloadKey)
  },
})

/** One job for a track; one that has its copy is left alone. */
export const enqueueCopy = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(copyForDownload, { trackId }, { key: `download:${trackId}` })

async function copy({ id: trackId, uploadId, audioKey, durationMs }: Uncopied, folder: string, context: JobContext) {
  const { world, signal } = context
  const path = join(folder, 'original')
  const stored = await world.storage.head(audioKey)
  if (stored === undefined) throw new Error('the file of a track is not in the bucket')
  await world.storage.download(audioKey, path, { etag: stored.etag, signal })
  try {
    const facts = await probeAudio(world.config.tools.ffprobe, path, signal)
    return await makeDownload({ trackId, uploadId, path, facts, durationMs, folder }, context)
  } catch (error) {
    // Of before some rule; what was taken then is not refused now.
    if (error instanceof Rejection) return { ...noDownload, downloadOf: uploadId }
    throw error
  }
}

/** Unless the track is gone or has other audio by now. Its lock is what a replacement waits for. */
async function keep({ id: trackId, uploadId, audioKey }: Uncopied, made: Download): Promise<boolean> {
  const track = await lockTrack(trackId)
  if (track === null || track.removedAt !== null || track.audioKey !== audioKey) return false
  const audio = await TrackAudio.findByPk(trackId)
  if (audio === null) await TrackAudio.create({ trackId, uploadId, ...made })
  else await audio.update(made)
  return true
}

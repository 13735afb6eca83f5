import { rm } from 'node:fs/promises'
import { type JobContext } from '../../kernel/events/job'
import { type TrackAudio } from '../../models'
import { type PackagedStreams } from '../../media/audio/package-streams'
import { streamsPrefix } from './rules'

export type StoredStreams = Pick<TrackAudio, 'manifestKey' | 'renditions' | 'previewKey'>

/** Stores the streams of an upload, and deletes each local file once it is stored. */
export async function storeStreams(
  { trackId, uploadId }: { trackId: string; uploadId: string },
  { files, renditions }: PackagedStreams,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<StoredStreams> {
  const prefix = streamsPrefix(trackId, uploadId)
  for (const { name, path, contentType } of files) {
    await app.storage.putFile(prefix + name, path, contentType, { signal })
    await rm(path)
  }
  return {
    manifestKey: `${prefix}hls/master.m3u8`,
    previewKey: `${prefix}preview.m4a`,
    renditions: renditions.map(rendition => ({
      ...rendition,
      playlistKey: `${prefix}hls/${rendition.name}.m3u8`,
      mediaKey: `${prefix}hls/${rendition.name}.mp4`,
    })),
  }
}

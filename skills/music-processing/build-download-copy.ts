import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/events/job'
import { type TrackAudio } from '../../models'
import { stripMetadata } from '../../media/audio/strip-metadata'
import { type ProbedAudio } from '../../media/audio/probe-audio'
import { Rejection } from '../../media/audio/rejection'
import { downloadKey } from './rules'

/** The columns of `track_audio` that describe the download copy. */
export type DownloadCopy = Pick<TrackAudio, 'downloadKey' | 'downloadBytes' | 'downloadUploadId'>

/** No attempt has been made yet. */
export const noDownloadCopy: DownloadCopy = { downloadKey: null, downloadBytes: null, downloadUploadId: null }

/** No copy can be made of this upload: do not retry. */
export const impossibleDownloadCopy = (uploadId: string): DownloadCopy => ({
  ...noDownloadCopy,
  downloadUploadId: uploadId,
})

/**
 * Making the copy failed and may succeed later. When the file is to blame, the last attempt records that no copy can
 * be made.
 */
export class DownloadCopyFailed extends Error {
  constructor(
    cause: Error,
    /** False when a tool was killed, could not start or was starved, or when the disk is full. */
    readonly blamesFile = cause instanceof Rejection,
  ) {
    super(`no copy for downloads: ${cause.message}`, { cause })
  }
}

/** Wraps an error of making the copy; passes the reason of an abort on unchanged. */
export function rethrowAsCopyFailed(error: unknown, { aborted }: AbortSignal): never {
  throw aborted || !(error instanceof Error) ? error : new DownloadCopyFailed(error)
}

interface DownloadSource {
  trackId: string
  uploadId: string
  path: string
  probe: ProbedAudio
  durationMs: number
  /** A private temporary folder. */
  folder: string
}

/**
 * Makes and stores the download copy of a track: its file without metadata. Its key lies outside the folder that a
 * stream grant opens. When the format does not allow such a copy, records that and does not retry.
 * @throws DownloadCopyFailed; the reason of an abort, or the error of a store that is unavailable
 */
export async function buildDownloadCopy(
  { trackId, uploadId, path, probe, durationMs, folder }: DownloadSource,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<DownloadCopy> {
  const { extension, contentType } = probe.format
  const to = join(folder, `download.${extension}`)
  const isMade = await stripMetadata({ ...app.config.tools, path, probe, durationMs, to, signal }).catch(
    (error: unknown) => rethrowAsCopyFailed(error, signal),
  )
  if (!isMade) {
    await rm(to, { force: true })
    app.log.warn(
      { trackId, uploadId, format: extension, codec: probe.codec },
      'cannot make a download copy of this format',
    )
    return impossibleDownloadCopy(uploadId)
  }
  const { size } = await stat(to)
  const key = downloadKey(trackId, uploadId, extension)
  await app.storage.putFile(key, to, contentType, { signal })
  await rm(to)
  return { downloadKey: key, downloadBytes: size, downloadUploadId: uploadId }
}

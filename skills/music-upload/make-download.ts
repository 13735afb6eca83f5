import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { type TrackAudio } from '../../models'
import { cleanCopy } from './audio/clean-copy'
import { type AudioFacts } from './audio/probe-audio'
import { Rejection } from './audio/rejection'
import { downloadKey } from './places'

/** What a row says of the copy for downloads. */
export type Download = Pick<TrackAudio, 'downloadKey' | 'downloadBytes' | 'downloadOf'>

/** Nobody has tried yet. */
export const noDownload: Download = { downloadKey: null, downloadBytes: null, downloadOf: null }

/** None can be made, and nobody need try again. */
export const impossibleDownload = (uploadId: string): Download => ({ ...noDownload, downloadOf: uploadId })

/** It may go better another time. What the file is to blame for is impossible after it was in vain often enough. */
export class CopyFailed extends Error {
  /** A tool that was killed, could not be started or got no time, or a full disk, says nothing of the file. */
  readonly blamesFile: boolean

  constructor(cause: Error) {
    super(`no copy for downloads: ${cause.message}`, { cause })
    this.blamesFile = cause instanceof Rejection
  }
}

/** What making it threw; that it was told to stop is passed on as it is. */
export function asCopyFailed(error: unknown, { aborted }: AbortSignal): never {
  throw aborted || !(error instanceof Error) ? error : new CopyFailed(error)
}

interface Original {
  trackId: string
  uploadId: string
  path: string
  facts: AudioFacts
  durationMs: number
  /** A private one. */
  folder: string
}

/**
 * Makes and stores what others than its owner may download of a track: its file without its tags. It lies outside of the folder
 * that a grant to listen opens. Where no such copy can be made there is none, and it is not tried again.
 * @throws CopyFailed, and whatever an abort or a store that is away throws.
 */
export async function makeDownload(
  { trackId, uploadId, path, facts, durationMs, folder }: Original,
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<Download> {
  const { extension, contentType } = facts.format
  const to = join(folder, `download.${extension}`)
  const isMade = await cleanCopy({ ...world.config.tools, path, facts, durationMs, to, signal }).catch(
    (error: unknown) => asCopyFailed(error, signal),
  )
  if (!isMade) {
    await rm(to, { force: true })
    world.log.warn(
      { trackId, uploadId, format: extension, codec: facts.codec },
      'a file cannot be had without its tags',
    )
    return impossibleDownload(uploadId)
  }
  const { size } = await stat(to)
  const key = downloadKey(trackId, uploadId, extension)
  await world.storage.putFile(key, to, contentType, { signal })
  await rm(to)
  return { downloadKey: key, downloadBytes: size, downloadOf: uploadId }
}

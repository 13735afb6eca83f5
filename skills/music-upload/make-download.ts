import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type JobContext } from '../../kernel/job'
import { type TrackAudio } from '../../models'
import { cleanCopy } from './audio/clean-copy'
import { type AudioFacts } from './audio/probe-audio'
import { downloadKey } from './places'

/** What a row says of the copy for downloads. */
export type Download = Pick<TrackAudio, 'downloadKey' | 'downloadBytes' | 'downloadOf'>

/** Nobody has tried yet. */
export const noDownload: Download = { downloadKey: null, downloadBytes: null, downloadOf: null }

/** None can be made, and nobody need try again. */
export const impossibleDownload = (uploadId: string): Download => ({ ...noDownload, downloadOf: uploadId })

/** It may go better another time, on a machine with less to do or more room; in vain often enough, it is impossible. */
export class CopyFailed extends Error {}

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
    (error: unknown) => {
      throw signal.aborted ? error : new CopyFailed('a file could not be copied without its tags', { cause: error })
    },
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

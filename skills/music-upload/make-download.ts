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
 */
export async function makeDownload(
  { trackId, uploadId, path, facts, durationMs, folder }: Original,
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<Download> {
  const { extension, contentType } = facts.format
  const to = join(folder, `download.${extension}`)
  if (!(await cleanCopy({ ...world.config.tools, path, facts, durationMs, to, signal }))) {
    await rm(to, { force: true })
    world.log.warn(
      { trackId, uploadId, format: extension, codec: facts.codec },
      'a file cannot be had without its tags',
    )
    return { ...noDownload, downloadOf: uploadId }
  }
  const { size } = await stat(to)
  const key = downloadKey(trackId, uploadId, extension)
  await world.storage.putFile(key, to, contentType, { signal })
  await rm(to)
  return { downloadKey: key, downloadBytes: size, downloadOf: uploadId }
}

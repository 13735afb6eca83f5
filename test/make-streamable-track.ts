import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Rendition } from '../models/track-audio'
import { Track, TrackAudio, Upload } from '../models'
import { type AppContext } from '../kernel/platform/app-context'
import { newId } from '../kernel/pipeline/new-id'

export interface StreamableTrackOptions {
  seconds?: number
  /** kbit/s of the AAC renditions. Default 96 and 160. */
  kbits?: readonly number[]
  track?: Partial<Track['_creationAttributes']>
}

/** Creates a processed track: rows, and in the bucket the file, its download copy, renditions with playlists, and a preview. */
export async function makeStreamableTrack(
  app: Pick<AppContext, 'storage' | 'config'>,
  ownerId: string,
  { seconds = 9, kbits = [96, 160], track: trackFields = {} }: StreamableTrackOptions = {},
): Promise<{ track: Track; audio: TrackAudio; folder: string }> {
  const now = new Date()
  const [trackId, uploadId] = [newId(now), newId(now)]
  const folder = `audio/${trackId}/${uploadId}/hls/`
  const { ffmpeg } = app.config.tools
  const made = await encodeOnce(ffmpeg, seconds, kbits)
  const renditions: Rendition[] = []
  for (const { name, kbit, media, playlist } of made) {
    await app.storage.put(`${folder}${name}.mp4`, media, 'audio/mp4')
    await app.storage.put(`${folder}${name}.m3u8`, playlist, 'application/vnd.apple.mpegurl')
    const rates = { bandwidth: kbit * 1_100, averageBandwidth: kbit * 1_000 }
    const keys = { playlistKey: `${folder}${name}.m3u8`, mediaKey: `${folder}${name}.mp4` }
    renditions.push({ name, codecs: 'mp4a.40.2', ...rates, ...keys, sizeBytes: media.length })
  }
  const manifestKey = `${folder}master.m3u8`
  await app.storage.put(manifestKey, Buffer.from(multivariant(renditions)), 'application/vnd.apple.mpegurl')
  const previewKey = `audio/${trackId}/${uploadId}/preview.m4a`
  await app.storage.put(previewKey, made[0]?.media ?? Buffer.alloc(0), 'audio/mp4')
  const audioKey = `audio/${trackId}/${uploadId}.flac`
  await app.storage.put(audioKey, Buffer.from('the file that was uploaded'), 'audio/flac')
  const copy = Buffer.from('the copy without its tags')
  const downloadKey = `audio/${trackId}/${uploadId}/download.flac`
  await app.storage.put(downloadKey, copy, 'audio/flac')

  const sharedFields = { contentType: 'audio/flac', visibility: 'public' as const, createdAt: now }
  const track = await Track.create({
    ...{
      id: trackId,
      ownerId,
      title: 'A stream',
      state: 'ready',
      audioKey,
      audioVersion: uploadId,
      durationMs: seconds * 1_000,
      publishedAt: now,
    },
    ...sharedFields,
    ...trackFields,
  })
  await Upload.create({
    ...{
      id: uploadId,
      ownerId,
      state: 'ready',
      fileName: 'a.flac',
      sizeBytes: 26,
      sha256: 'a'.repeat(64),
      trackId,
      etag: 'x',
      progress: 100,
    },
    ...{ ...sharedFields, expiresAt: now, putUrlExpiresAt: now },
  })
  const loudness = { loudnessLufs: -14.5, truePeakDbtp: -1.25 }
  const download = { downloadKey, downloadBytes: copy.length, downloadUploadId: uploadId }
  const streams = { manifestKey, renditions, previewKey }
  const audio = await TrackAudio.create({ trackId, uploadId, ...streams, ...download, ...loudness })
  return { track, audio, folder }
}

interface Encoded {
  name: string
  kbit: number
  media: Buffer
  playlist: Buffer
}

const encodings = new Map<string, Promise<Encoded[]>>()

function encodeOnce(ffmpeg: string, seconds: number, kbits: readonly number[]): Promise<Encoded[]> {
  const key = `${seconds} ${kbits.join()}`
  const known = encodings.get(key) ?? encode(ffmpeg, seconds, kbits)
  encodings.set(key, known)
  return known
}

async function encode(ffmpeg: string, seconds: number, kbits: readonly number[]): Promise<Encoded[]> {
  const folder = await mkdtemp(join(tmpdir(), `tutti-hls-${randomUUID()}`))
  try {
    return await Promise.all(
      kbits.map(async kbit => {
        const name = `aac-${kbit}`
        const source = ['-f', 'lavfi', '-i', `sine=440:d=${seconds}:r=44100`, '-ac', '2']
        const codec = ['-c:a', 'aac', '-b:a', `${kbit}k`]
        const form = ['-f', 'hls', '-hls_time', '6', '-hls_segment_type', 'fmp4', '-hls_flags', 'single_file']
        const files = ['-hls_playlist_type', 'vod', '-hls_fmp4_init_filename', `${name}.mp4`]
        const at = join(folder, `${name}.m3u8`)
        const names = ['-hls_segment_filename', join(folder, `${name}.mp4`), '-y', at]
        const args = ['-v', 'error', '-nostdin', ...source, ...codec, ...form, ...files, ...names]
        await promisify(execFile)(ffmpeg, args)
        return { name, kbit, media: await readFile(join(folder, `${name}.mp4`)), playlist: await readFile(at) }
      }),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const multivariant = (renditions: readonly Rendition[]): string =>
  ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS']
    .concat(
      renditions.flatMap(({ name, bandwidth, averageBandwidth, codecs }) => [
        `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=${averageBandwidth},CODECS="${codecs}"`,
        `${name}.m3u8`,
      ]),
    )
    .join('\n')
    .concat('\n')

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { renderDemoPicture } from './render-demo-picture'
import { type Issuer } from './issuer'

interface DemoTrack {
  artist: string
  title: string
  genre: string
  visibility?: 'followers'
  /** Schedules the release this long after the upload. */
  releaseInMs?: number
  /** The chords, played one after the other; each is a list of frequencies in Hz. */
  chords: readonly (readonly number[])[]
}

const demoTracks: readonly DemoTrack[] = [
  {
    artist: 'mia',
    title: 'Harbour lights',
    genre: 'Ambient',
    chords: [
      [220, 277.2, 329.6],
      [196, 246.9, 293.7],
    ],
  },
  {
    artist: 'mia',
    title: 'Slow ferry',
    genre: 'Ambient',
    chords: [
      [174.6, 220, 261.6],
      [164.8, 207.7, 246.9],
    ],
  },
  {
    artist: 'mia',
    title: 'For those who stayed',
    genre: 'Ambient',
    visibility: 'followers',
    chords: [[146.8, 220, 293.7]],
  },
  {
    artist: 'mia',
    title: 'Tomorrow’s tide',
    genre: 'Ambient',
    releaseInMs: 24 * 3_600_000,
    chords: [[164.8, 246.9, 329.6]],
  },
  {
    artist: 'leo',
    title: 'Night bus',
    genre: 'Electronic',
    chords: [
      [110, 164.8, 220],
      [130.8, 196, 261.6],
    ],
  },
]
const chordSeconds = 12

/**
 * Creates demo users and uploads their tracks and pictures through the public API; the audio files stay in `folder`.
 * Does nothing when the first user already has tracks.
 */
export async function addDemoData(folder: string, api: string, issuer: Issuer, ffmpeg: string): Promise<void> {
  const people = new Map<string, ApiClient>()
  for (const name of ['mia', 'leo']) people.set(name, await createApiClient(api, issuer, name))
  const mia = people.get('mia')
  const leo = people.get('leo')
  if (mia === undefined || leo === undefined) return
  const me = await mia.call<{ id: string }>('GET', '/me')
  const existingTracks = await mia.call<unknown[]>('GET', `/profiles/${me.id}/tracks`)
  if (existingTracks.length > 0) return

  await mkdir(folder, { recursive: true })
  for (const track of demoTracks) {
    const file = join(folder, `${track.title.toLowerCase().replace(/\W+/g, '-')}.mp3`)
    await synthesize(ffmpeg, track, file)
    const artist = people.get(track.artist)
    const trackId = await artist?.upload(track, await readFile(file))
    if (trackId !== undefined)
      await artist?.addPicture({ purpose: 'artwork', trackId }, await renderDemoPicture(track.title))
  }
  for (const [name, person] of people) await person.addPicture({ purpose: 'avatar' }, await renderDemoPicture(name))
  await leo.call('PUT', `/profiles/${me.id}/follow`)
}

/** Writes an MP3 whose chords are sums of sine waves. */
async function synthesize(ffmpeg: string, track: DemoTrack, file: string): Promise<void> {
  const chords = track.chords.map(frequencies => frequencies.map(hertz => `0.2*sin(2*PI*${hertz}*t)`).join('+'))
  const expression = chords.map(
    (chord, index) => `(${chord})*between(t,${index * chordSeconds},${(index + 1) * chordSeconds})`,
  )
  // Quoted, because a bare comma starts the next filter.
  const source = `aevalsrc='${expression.join('+')}':d=${chords.length * chordSeconds}`
  const tags = ['-metadata', `title=${track.title}`, '-metadata', `artist=${track.artist}`]
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', source, ...tags, '-b:a', '96k', '-y', file])
}

type ApiClient = Awaited<ReturnType<typeof createApiClient>>

async function createApiClient(api: string, issuer: Issuer, name: string) {
  const token = await issuer.issueToken(name)

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${api}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const responseBody = (await response.json()) as { data?: unknown; code?: string }
    if (!response.ok) throw new Error(`${method} ${path} failed: ${responseBody.code ?? response.statusText}`)
    return responseBody.data as T
  }

  return {
    call,
    /** Returns the id of the new track. */
    async upload({ title, genre, visibility, releaseInMs }: DemoTrack, audio: Buffer): Promise<string> {
      const input = {
        ...{ fileName: `${title}.mp3`, contentType: 'audio/mpeg', title, genre, ...sizeAndHash(audio) },
        ...(visibility === undefined ? {} : { visibility }),
        ...(releaseInMs === undefined ? {} : { releaseAt: new Date(Date.now() + releaseInMs).toISOString() }),
      }
      const { upload, putRequest } = await call<{ upload: { id: string }; putRequest: UploadTarget }>(
        'POST',
        '/uploads',
        input,
      )
      await putFile(putRequest, audio)
      return (await call<{ trackId: string }>('POST', `/uploads/${upload.id}/finalize`)).trackId
    },

    async addPicture(use: { purpose: 'avatar' } | { purpose: 'artwork'; trackId: string }, png: Buffer): Promise<void> {
      const input = { fileName: 'picture.png', contentType: 'image/png', ...use, ...sizeAndHash(png) }
      const { picture, putRequest } = await call<{ picture: { id: string }; putRequest: UploadTarget }>(
        'POST',
        '/pictures',
        input,
      )
      await putFile(putRequest, png)
      await call('POST', `/pictures/${picture.id}/finalize`)
    },
  }
}

interface UploadTarget {
  url: string
  headers: Record<string, string>
}

const sizeAndHash = (file: Buffer) => ({
  sizeBytes: file.length,
  sha256: createHash('sha256').update(file).digest('hex'),
})

async function putFile({ url, headers }: UploadTarget, file: Buffer): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(file) })
  if (!response.ok) throw new Error(`the object store responded with ${response.status}`)
}

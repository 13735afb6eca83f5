import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { drawDemoPicture } from './demo-picture'
import { type Issuer } from './issuer'

interface Piece {
  artist: string
  title: string
  genre: string
  visibility?: 'followers'
  /** It waits so long for its release. */
  releaseInMs?: number
  /** Frequencies in Hz of the chords, played one after the other. */
  chords: readonly (readonly number[])[]
}

const pieces: readonly Piece[] = [
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
 * Some people and their music for a first look, uploaded through the API as anybody would; the files stay in `folder`.
 * Does nothing the second time.
 */
export async function addDemoData(folder: string, api: string, issuer: Issuer, ffmpeg: string): Promise<void> {
  const people = new Map<string, Caller>()
  for (const name of ['mia', 'leo']) people.set(name, await callerFor(api, issuer, name))
  const mia = people.get('mia')
  const leo = people.get('leo')
  if (mia === undefined || leo === undefined) return
  const me = await mia.call<{ id: string }>('GET', '/me')
  const there = await mia.call<unknown[]>('GET', `/profiles/${me.id}/tracks`)
  if (there.length > 0) return

  await mkdir(folder, { recursive: true })
  for (const piece of pieces) {
    const file = join(folder, `${piece.title.toLowerCase().replace(/\W+/g, '-')}.mp3`)
    await play(ffmpeg, piece, file)
    const artist = people.get(piece.artist)
    const trackId = await artist?.upload(piece, await readFile(file))
    if (trackId !== undefined)
      await artist?.addPicture({ purpose: 'artwork', trackId }, await drawDemoPicture(piece.title))
  }
  for (const [name, person] of people) await person.addPicture({ purpose: 'avatar' }, await drawDemoPicture(name))
  await leo.call('PUT', `/profiles/${me.id}/follow`)
}

/** Each chord is a mix of sines that swell and fade. */
async function play(ffmpeg: string, piece: Piece, file: string): Promise<void> {
  const chords = piece.chords.map(frequencies => frequencies.map(hertz => `0.2*sin(2*PI*${hertz}*t)`).join('+'))
  const expression = chords.map(
    (chord, index) => `(${chord})*between(t,${index * chordSeconds},${(index + 1) * chordSeconds})`,
  )
  // Quoted: a comma would begin the next filter.
  const source = `aevalsrc='${expression.join('+')}':d=${chords.length * chordSeconds}`
  const tags = ['-metadata', `title=${piece.title}`, '-metadata', `artist=${piece.artist}`]
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', source, ...tags, '-b:a', '96k', '-y', file])
}

type Caller = Awaited<ReturnType<typeof callerFor>>

async function callerFor(api: string, issuer: Issuer, name: string) {
  const token = await issuer.tokenFor(name)

  async function call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${api}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as { data?: unknown; code?: string }
    if (!response.ok) throw new Error(`${method} ${path} was refused: ${answer.code ?? response.statusText}`)
    return answer.data as T
  }

  return {
    call,
    /** The id of its track. */
    async upload({ title, genre, visibility, releaseInMs }: Piece, audio: Buffer): Promise<string> {
      const announced = {
        ...{ fileName: `${title}.mp3`, contentType: 'audio/mpeg', title, genre, ...sized(audio) },
        ...(visibility === undefined ? {} : { visibility }),
        ...(releaseInMs === undefined ? {} : { releaseAt: new Date(Date.now() + releaseInMs).toISOString() }),
      }
      const { upload, put } = await call<{ upload: { id: string }; put: Put }>('POST', '/uploads', announced)
      await send(put, audio)
      return (await call<{ trackId: string }>('POST', `/uploads/${upload.id}/finalize`)).trackId
    },

    async addPicture(use: { purpose: 'avatar' } | { purpose: 'artwork'; trackId: string }, png: Buffer): Promise<void> {
      const announced = { fileName: 'picture.png', contentType: 'image/png', ...use, ...sized(png) }
      const { picture, put } = await call<{ picture: { id: string }; put: Put }>('POST', '/pictures', announced)
      await send(put, png)
      await call('POST', `/pictures/${picture.id}/finalize`)
    },
  }
}

interface Put {
  url: string
  headers: Record<string, string>
}

const sized = (file: Buffer) => ({
  sizeBytes: file.length,
  sha256: createHash('sha256').update(file).digest('hex'),
})

async function send({ url, headers }: Put, file: Buffer): Promise<void> {
  const sent = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(file) })
  if (!sent.ok) throw new Error(`the object store answered ${sent.status}`)
}

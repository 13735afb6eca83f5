import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type InputOf } from '../../../kernel/operation'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { type UploadView } from '../../../skills/music-upload/views'
import { type CallOptions, type Person } from '../../people'
import { type TestWorld } from '../../world'

export type UploadWish = Partial<InputOf<typeof initiateUpload>>

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** What somebody says of a file before they send it. */
export const announce = (bytes: Buffer, wish: UploadWish = {}): InputOf<typeof initiateUpload> => ({
  fileName: 'my song.mp3',
  contentType: 'audio/mpeg',
  sizeBytes: bytes.length,
  sha256: sha256Of(bytes),
  ...wish,
})

interface Place {
  url: string
  headers: Record<string, string>
}

/** Where the one PUT of a small file goes. */
export function placeOf<P extends Place>(put: P | null): P {
  if (put === null) throw new Error('this file is sent in parts')
  return put
}

/** Sends bytes as a browser would. */
export async function put(place: Place | null, bytes: Buffer): Promise<number> {
  const { url, headers } = placeOf(place)
  return (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status
}

/** Announces and sends a file; it is not finalized yet. */
export async function send(person: Person, file: string | Buffer, wish: UploadWish = {}, options: CallOptions = {}) {
  const bytes = typeof file === 'string' ? await readFile(file) : file
  const initiated = await person.call(initiateUpload, announce(bytes, wish), options)
  const status = await put(initiated.put, bytes)
  if (status !== 200) throw new Error(`the store answered ${status}`)
  return initiated
}

/** The whole way: announced, sent, finalized, and worked on until it ended. */
export async function upload(
  world: TestWorld,
  person: Person,
  file: string | Buffer,
  wish: UploadWish = {},
  options: CallOptions = {},
): Promise<UploadView & { trackId: string }> {
  const { upload } = await send(person, file, wish, options)
  await person.call(finalizeUpload, { uploadId: upload.id }, options)
  await world.work()
  const ended = await person.call(getUpload, { uploadId: upload.id }, options)
  if (ended.trackId === null) throw new Error('an upload that was finalized has a track')
  return { ...ended, trackId: ended.trackId }
}

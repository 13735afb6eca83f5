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

/** The input of `initiateUpload` for these bytes. */
export const announce = (bytes: Buffer, fields: UploadWish = {}): InputOf<typeof initiateUpload> => ({
  fileName: 'my song.mp3',
  contentType: 'audio/mpeg',
  sizeBytes: bytes.length,
  sha256: sha256Of(bytes),
  ...fields,
})

interface PutTarget {
  url: string
  headers: Record<string, string>
}

/** The target of the single PUT of a small file. */
export function placeOf<P extends PutTarget>(put: P | null): P {
  if (put === null) throw new Error('this upload has parts')
  return put
}

/** Uploads bytes as a browser does; returns the status code. */
export async function put(target: PutTarget | null, bytes: Buffer): Promise<number> {
  const { url, headers } = placeOf(target)
  return (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status
}

/** Initiates an upload and sends the file, without finalizing it. */
export async function send(person: Person, file: string | Buffer, fields: UploadWish = {}, options: CallOptions = {}) {
  const bytes = typeof file === 'string' ? await readFile(file) : file
  const initiated = await person.call(initiateUpload, announce(bytes, fields), options)
  const status = await put(initiated.put, bytes)
  if (status !== 200) throw new Error(`the object store responded with ${status}`)
  return initiated
}

/** Uploads a file, finalizes it and runs the jobs that process it. */
export async function upload(
  world: TestWorld,
  person: Person,
  file: string | Buffer,
  fields: UploadWish = {},
  options: CallOptions = {},
): Promise<UploadView & { trackId: string }> {
  const { upload } = await send(person, file, fields, options)
  await person.call(finalizeUpload, { uploadId: upload.id }, options)
  await world.work()
  const finished = await person.call(getUpload, { uploadId: upload.id }, options)
  if (finished.trackId === null) throw new Error('a finalized upload must have a track')
  return { ...finished, trackId: finished.trackId }
}

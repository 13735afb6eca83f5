import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type InputOf } from '../../../kernel/pipeline/operation'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { type UploadView } from '../../../skills/music-upload/views'
import { type CallOptions, type Person } from '../../person'
import { type TestApp } from '../../test-app'

export type UploadInput = Partial<InputOf<typeof initiateUpload>>

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** The input of `initiateUpload` for these bytes. */
export const uploadInput = (bytes: Buffer, fields: UploadInput = {}): InputOf<typeof initiateUpload> => ({
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
export function putTargetOf<P extends PutTarget>(put: P | null): P {
  if (put === null) throw new Error('this upload has parts')
  return put
}

/** Uploads bytes as a browser does; returns the status code. */
export async function putBytes(target: PutTarget | null, bytes: Buffer): Promise<number> {
  const { url, headers } = putTargetOf(target)
  return (await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })).status
}

/** Initiates an upload and sends the file, without finalizing it. */
export async function sendFile(
  person: Person,
  file: string | Buffer,
  fields: UploadInput = {},
  options: CallOptions = {},
) {
  const bytes = typeof file === 'string' ? await readFile(file) : file
  const initiated = await person.call(initiateUpload, uploadInput(bytes, fields), options)
  const status = await putBytes(initiated.putRequest, bytes)
  if (status !== 200) throw new Error(`the object store responded with ${status}`)
  return initiated
}

/** Uploads a file, finalizes it and runs the jobs that process it. */
export async function uploadFile(
  testApp: TestApp,
  person: Person,
  file: string | Buffer,
  fields: UploadInput = {},
  options: CallOptions = {},
): Promise<UploadView & { trackId: string }> {
  const { upload } = await sendFile(person, file, fields, options)
  await person.call(finalizeUpload, { uploadId: upload.id }, options)
  await testApp.runJobs()
  const finished = await person.call(getUpload, { uploadId: upload.id }, options)
  if (finished.trackId === null) throw new Error('a finalized upload must have a track')
  return { ...finished, trackId: finished.trackId }
}

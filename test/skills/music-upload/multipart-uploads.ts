import { createHash, randomFillSync } from 'node:crypto'
import { Upload } from '../../../models'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { partBytesMin, singlePutBytesMax } from '../../../skills/music-upload/rules'
import { signParts } from '../../../skills/music-upload/sign-parts'
import { type CallOptions, type Person } from '../../person'
import { putBytes, sha256Of, type UploadInput } from './upload-file'

/** The size of the smallest multipart upload: eight full parts and a ninth of one byte. */
export const largeBytes = singlePutBytesMax + 1
export const partCount = 9

const block = randomFillSync(Buffer.alloc(partBytesMin))
/** The bytes of a part. All full parts are equal, because their content does not matter. */
export const partBytes = (number: number): Buffer => (number < partCount ? block : block.subarray(0, 1))
export const wholeSha256 = (): string => {
  const hash = createHash('sha256')
  for (let number = 1; number <= partCount; number += 1) hash.update(partBytes(number))
  return hash.digest('hex')
}

export const numberRangeInclusive = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Initiates the upload of a large file without a SHA-256. */
export const initiateLargeUpload = (person: Person, fields: UploadInput = {}, options: CallOptions = {}) =>
  person.call(
    initiateUpload,
    { fileName: 'long set.wav', contentType: 'audio/wav', sizeBytes: largeBytes, ...fields },
    options,
  )

/** Signs and sends parts; returns the status codes. */
export async function sendParts(
  person: Person,
  uploadId: string,
  sent: readonly number[],
  bytesOf: (number: number) => Buffer = partBytes,
  options: CallOptions = {},
): Promise<number[]> {
  const parts = sent.map(number => ({ number, sha256: sha256Of(bytesOf(number)) }))
  const signed = await person.call(signParts, { uploadId, parts }, options)
  return Promise.all(signed.map(part => putBytes(part, bytesOf(part.number))))
}

export const sentPartNumbers = async (person: Person, uploadId: string): Promise<number[] | undefined> =>
  (await person.call(getUpload, { uploadId })).parts?.sent.map(({ number }) => number)

/** Initiates an upload of three parts of the smallest size that the store accepts, to keep tests small. */
export async function initiateThreePartUpload(person: Person): Promise<{ uploadId: string; file: Blob }> {
  const { upload } = await initiateLargeUpload(person)
  await Upload.update({ sizeBytes: threePartFileBytes, partBytes: partBytesMinOfStore }, { where: { id: upload.id } })
  return { uploadId: upload.id, file: new Blob([1, 2, 3].map(threePartBytes)) }
}

const partBytesMinOfStore = 5 * 1024 ** 2
export const threePartFileBytes = 2 * partBytesMinOfStore + 1
export const threePartBytes = (number: number): Buffer => block.subarray(0, number < 3 ? partBytesMinOfStore : 1)
export const sendThreeParts = (person: Person, uploadId: string, sent: readonly number[]) =>
  sendParts(person, uploadId, sent, threePartBytes)

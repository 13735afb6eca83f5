import { type FileHandle, open } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

/** One part is in memory at a time, so that the SDK can retry it. 10,000 parts, the maximum, are 80 GB. */
const partBytes = 8 * 1024 * 1024

interface Destination {
  Bucket: string
  Key: string
  ContentType: string
  CacheControl: string
}

/** Uploads a local file with constant memory, as a multipart upload when it exceeds one part. Aborts the upload on errors. */
export async function putFile(s3: S3Client, to: Destination, path: string, signal: AbortSignal): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  if (size > partBytes) await putParts(s3, to, file, size, signal)
  else await s3.send(new PutObjectCommand({ ...to, Body: await readPart(file, 0, size) }), { abortSignal: signal })
}

async function putParts(s3: S3Client, to: Destination, file: FileHandle, size: number, signal: AbortSignal) {
  const { Bucket, Key } = to
  // Without the abort signal: an upload whose id is lost could not be aborted.
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(to))
  try {
    const Parts: CompletedPart[] = []
    for (let at = 0; at < size; at += partBytes) {
      const Body = await readPart(file, at, Math.min(partBytes, size - at))
      const part = { Bucket, Key, UploadId, PartNumber: Parts.length + 1 }
      const { ETag } = await s3.send(new UploadPartCommand({ ...part, Body }), { abortSignal: signal })
      Parts.push({ PartNumber: part.PartNumber, ETag })
    }
    const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
    await s3.send(new CompleteMultipartUploadCommand(complete), { abortSignal: signal })
  } catch (error) {
    // If this fails too, the bucket's lifecycle rule removes the parts.
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined)
    throw error
  }
}

async function readPart(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
  if (bytesRead < bytes) throw new Error('the file was truncated during the upload')
  return buffer
}

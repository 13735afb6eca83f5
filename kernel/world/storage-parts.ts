import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  NoSuchUpload,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { storageRefusal } from './storage-refusal'

const openTimeoutMs = 3_000

/** A part as the store has it. */
export interface StoredPart {
  number: number
  sizeBytes: number
  etag: string
  /** Base64. */
  sha256: string | null
}

/** Objects that are sent in parts: each part with a SHA-256 of its own, since S3 knows none of the whole. */
export function storageParts(s3: S3Client, bucket: string) {
  const at = (key: string, multipartId: string) => ({ Bucket: bucket, Key: key, UploadId: multipartId })

  return {
    /** Answers the store's name for it; soon or not at all, since somebody waits. */
    async openParts(key: string, contentType: string): Promise<string> {
      const named = { Bucket: bucket, Key: key, ContentType: contentType, ChecksumAlgorithm: 'SHA256' as const }
      const command = new CreateMultipartUploadCommand(named)
      const { UploadId } = await s3.send(command, { abortSignal: AbortSignal.timeout(openTimeoutMs) }).catch(rethrow)
      if (UploadId === undefined) throw storageRefusal(new Error('the store named no upload'))
      return UploadId
    },

    /** One part of exactly this size and content; sent again, it takes the place of the first. */
    async presignPart(
      key: string,
      multipartId: string,
      part: { number: number; sizeBytes: number; sha256: string },
      expiresInS: number,
    ): Promise<{ url: string; headers: Record<string, string> }> {
      const { number, sizeBytes, sha256 } = part
      const fixed = { PartNumber: number, ContentLength: sizeBytes, ChecksumSHA256: sha256 }
      const url = await getSignedUrl(s3, new UploadPartCommand({ ...at(key, multipartId), ...fixed }), {
        expiresIn: expiresInS,
        signableHeaders: new Set(['content-length', 'x-amz-checksum-sha256', 'host']),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
      return { url, headers: { 'x-amz-checksum-sha256': sha256 } }
    },

    /** Whether the store still takes parts under that name: not when it was completed or dropped, or was never there. */
    async takesParts(key: string, multipartId: string): Promise<boolean> {
      const command = new ListPartsCommand({ ...at(key, multipartId), MaxParts: 1 })
      const abortSignal = AbortSignal.timeout(openTimeoutMs)
      return (await s3.send(command, { abortSignal }).catch(undefinedIfGone)) !== undefined
    },

    /** The parts that are there, by number; undefined when the upload is completed, aborted or was never there. */
    async listParts(key: string, multipartId: string, signal: AbortSignal): Promise<StoredPart[] | undefined> {
      const parts: StoredPart[] = []
      for (let marker: string | undefined, more = true; more;) {
        const command = new ListPartsCommand({ ...at(key, multipartId), PartNumberMarker: marker })
        const page = await s3.send(command, { abortSignal: signal }).catch(undefinedIfGone)
        if (page === undefined) return undefined
        for (const { PartNumber: number, Size: sizeBytes, ETag: etag, ChecksumSHA256: sha256 } of page.Parts ?? [])
          if (number !== undefined && sizeBytes !== undefined && etag !== undefined)
            parts.push({ number, sizeBytes, etag, sha256: sha256 ?? null })
        marker = page.NextPartNumberMarker
        more = page.IsTruncated === true && marker !== undefined
      }
      return parts
    },

    /**
     * Makes one object of these parts and answers its ETag; undefined when the upload is not there (any more).
     * S3 may take minutes and goes on when nobody waits: `unavailable` after the signal, and asked again it is done.
     */
    async completeParts(
      key: string,
      multipartId: string,
      { parts, sizeBytes, signal }: { parts: readonly StoredPart[]; sizeBytes: number; signal: AbortSignal },
    ): Promise<string | undefined> {
      const Parts = parts.map(({ number, etag, sha256 }) => ({
        ...{ PartNumber: number, ETag: etag },
        ...(sha256 === null ? {} : { ChecksumSHA256: sha256 }),
      }))
      const whole = { MultipartUpload: { Parts }, MpuObjectSize: sizeBytes }
      const command = new CompleteMultipartUploadCommand({ ...at(key, multipartId), ...whole })
      const done = await s3.send(command, { abortSignal: signal }).catch(undefinedIfGone)
      return done?.ETag
    },

    /** Gives the parts up. A part that is just being sent may survive it: do it again when the last URL is dead. */
    async dropParts(key: string, multipartId: string): Promise<void> {
      await s3.send(new AbortMultipartUploadCommand(at(key, multipartId))).catch(undefinedIfGone)
    },
  }
}

function undefinedIfGone(error: unknown): undefined {
  if (error instanceof NoSuchUpload || (error instanceof S3ServiceException && error.name === 'NoSuchUpload'))
    return undefined
  throw storageRefusal(error)
}

function rethrow(error: unknown): never {
  throw storageRefusal(error)
}

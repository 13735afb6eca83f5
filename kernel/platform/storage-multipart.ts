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
import { rethrowAsRefusal, toStorageRefusal } from './storage-refusal'

const openTimeoutMs = 3_000

/** An uploaded part. */
export interface StoredPart {
  number: number
  sizeBytes: number
  etag: string
  /** Base64. */
  sha256: string | null
}

/** Multipart uploads. Each part has a SHA-256 of its own, because S3 has no SHA-256 of a multipart object. */
export function storageMultipart(s3: S3Client, bucket: string) {
  const at = (key: string, multipartId: string) => ({ Bucket: bucket, Key: key, UploadId: multipartId })

  return {
    /** Creates a multipart upload and returns its id. Short timeout, because a caller is waiting. */
    async createMultipartUpload(key: string, contentType: string): Promise<string> {
      const named = { Bucket: bucket, Key: key, ContentType: contentType, ChecksumAlgorithm: 'SHA256' as const }
      const command = new CreateMultipartUploadCommand(named)
      const { UploadId } = await s3
        .send(command, { abortSignal: AbortSignal.timeout(openTimeoutMs) })
        .catch(rethrowAsRefusal)
      if (UploadId === undefined) throw toStorageRefusal(new Error('S3 returned no UploadId'))
      return UploadId
    },

    /** Presigns the PUT of one part of exactly this size and content. A second upload of the part replaces the first. */
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

    /** Whether the multipart upload is open: not when it was completed or aborted, or never existed. */
    async isMultipartUploadOpen(key: string, multipartId: string): Promise<boolean> {
      const command = new ListPartsCommand({ ...at(key, multipartId), MaxParts: 1 })
      const abortSignal = AbortSignal.timeout(openTimeoutMs)
      return (await s3.send(command, { abortSignal }).catch(undefinedIfGone)) !== undefined
    },

    /** The uploaded parts by number; undefined when the upload was completed or aborted, or never existed. */
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
     * Completes the upload and returns the ETag of the object; undefined when the upload does not exist (any more).
     * S3 may take minutes and continues after the signal aborts: the call then throws `unavailable`; a retry finds it done.
     */
    async completeMultipartUpload(
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

    /** Aborts the upload. A part in transit may survive: repeat it after the last presigned URL has expired. */
    async abortMultipartUpload(key: string, multipartId: string): Promise<void> {
      await s3.send(new AbortMultipartUploadCommand(at(key, multipartId))).catch(undefinedIfGone)
    },
  }
}

function undefinedIfGone(error: unknown): undefined {
  if (error instanceof NoSuchUpload || (error instanceof S3ServiceException && error.name === 'NoSuchUpload'))
    return undefined
  throw toStorageRefusal(error)
}

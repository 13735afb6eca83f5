import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  NotFound,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { refusals } from '../refusals'
import { type Config } from './config'

export interface PresignedPut {
  url: string
  /** Must be sent exactly so: they are part of the signature. */
  headers: Record<string, string>
}

export interface StoredObject {
  sizeBytes: number
  etag: string
  contentType: string
  /** Base64, when the object was sent with one. */
  sha256?: string
}

export type Storage = ReturnType<typeof openStorage>

/** The bucket. What it cannot do at the moment is `unavailable`; a missing object is an answer, not an error. */
export function openStorage(config: Pick<Config, 'aws' | 'storage'>) {
  const { bucket, endpoint } = config.storage
  const { region, credentials } = config.aws
  const s3 = new S3Client({
    region,
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    // By default the SDK would sign the checksum of an empty body into every presigned PUT.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 30_000 },
  })
  const at = (key: string) => ({ Bucket: bucket, Key: key })

  return {
    /** One PUT of exactly this size, type and content to exactly this key, once. */
    async presignPut(
      key: string,
      file: { contentType: string; sizeBytes: number; sha256: string },
      expiresInS: number,
    ): Promise<PresignedPut> {
      const command = new PutObjectCommand({
        ...at(key),
        ContentType: file.contentType,
        ContentLength: file.sizeBytes,
        ChecksumSHA256: file.sha256,
        IfNoneMatch: '*',
      })
      const signed = ['content-type', 'content-length', 'x-amz-checksum-sha256', 'if-none-match']
      const url = await getSignedUrl(s3, command, {
        expiresIn: expiresInS,
        signableHeaders: new Set([...signed, 'host']),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
      const headers = { 'content-type': file.contentType, 'x-amz-checksum-sha256': file.sha256, 'if-none-match': '*' }
      return { url, headers }
    },

    presignGet: (key: string, expiresInS: number, contentType: string): Promise<string> =>
      getSignedUrl(s3, new GetObjectCommand({ ...at(key), ResponseContentType: contentType }), {
        expiresIn: expiresInS,
      }),

    async head(key: string): Promise<StoredObject | undefined> {
      try {
        const found = await s3.send(new HeadObjectCommand({ ...at(key), ChecksumMode: 'ENABLED' }))
        return {
          sizeBytes: found.ContentLength ?? 0,
          etag: found.ETag ?? '',
          contentType: found.ContentType ?? '',
          ...(found.ChecksumSHA256 === undefined ? {} : { sha256: found.ChecksumSHA256 }),
        }
      } catch (error) {
        if (error instanceof NotFound) return undefined
        throw asRefusal(error)
      }
    },

    /** Copies the object as `etag` names it: one that was overwritten meanwhile is refused by S3. */
    async copy(from: string, to: string, etag: string, contentType: string): Promise<void> {
      const source = `${bucket}/${from}`
      const headers = { ContentType: contentType, MetadataDirective: 'REPLACE' as const }
      await s3
        .send(new CopyObjectCommand({ ...at(to), CopySource: source, CopySourceIfMatch: etag, ...headers }))
        .catch(rethrow)
    },

    /** Writes the object to a local file, with constant memory. */
    async download(key: string, path: string, signal?: AbortSignal): Promise<void> {
      const { Body } = await s3.send(new GetObjectCommand(at(key))).catch(rethrow)
      if (!(Body instanceof Readable)) throw refusals.unavailable('The object store sent no body.')
      await pipeline(Body, createWriteStream(path), signal === undefined ? {} : { signal })
    },

    async put(key: string, body: Buffer, contentType: string): Promise<void> {
      await s3.send(new PutObjectCommand({ ...at(key), Body: body, ContentType: contentType })).catch(rethrow)
    },

    async get(key: string): Promise<Buffer | undefined> {
      try {
        const { Body } = await s3.send(new GetObjectCommand(at(key)))
        return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray())
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return undefined
        throw asRefusal(error)
      }
    },

    /** Deleting what is not there is done already. */
    async remove(key: string): Promise<void> {
      await s3.send(new DeleteObjectCommand(at(key))).catch(rethrow)
    },

    async ping(): Promise<void> {
      await s3.send(new HeadBucketCommand({ Bucket: bucket }))
    },

    [Symbol.asyncDispose]: async () => s3.destroy(),
  }
}

function rethrow(error: unknown): never {
  throw asRefusal(error)
}

const asRefusal = (error: unknown) =>
  error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412
    ? refusals.conflict('The file was changed meanwhile.')
    : Object.assign(refusals.unavailable('The object store does not answer.', { retryAfter: 5 }), { cause: error })

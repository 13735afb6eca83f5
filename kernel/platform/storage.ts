import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NotFound,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { refusals } from '../pipeline/refusals'
import { type Config } from './config'
import { putFile } from './put-file'
import { storageListing } from './storage-listing'
import { storageMultipart } from './storage-multipart'
import { rethrowAsRefusal, toStorageRefusal } from './storage-refusal'

const headTimeoutMs = 3_000
/** S3 copies gigabytes within one request; the timeout frees the worker when one hangs. */
const copyTimeoutMs = 10 * 60_000
/** Socket inactivity timeout; copying 4 GB takes less. */
const defaultInactivityTimeoutMs = 120_000
const immutable = { CacheControl: 'max-age=31536000, immutable' }

export interface PresignedPut {
  url: string
  /** Send them unchanged: the signature covers them. */
  headers: Record<string, string>
}

export interface StoredObject {
  sizeBytes: number
  etag: string
  contentType: string
  /** Base64, when the object was uploaded with one. */
  sha256?: string
}

export interface PutOptions {
  /** Content-Encoding of a body that is already compressed. */
  encoding?: 'gzip'
  cacheControl?: string
  /** For calls within a request. */
  timeoutMs?: number
}

export type Storage = ReturnType<typeof openStorage>

/** The bucket (S3). Throws `unavailable` on outages; a missing object is a return value, not an error. */
export function openStorage(
  config: Pick<Config, 'aws' | 'storage'>,
  { inactivityTimeoutMs = defaultInactivityTimeoutMs } = {},
) {
  const { bucket, endpoint } = config.storage
  const { region, credentials } = config.aws
  const s3 = new S3Client({
    region,
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    // By default the SDK signs the checksum of an empty body into every presigned PUT.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    // `requestTimeout` only logs a warning; `socketTimeout` aborts a stalled request, also in the middle of a body.
    requestHandler: { connectionTimeout: 2_000, socketTimeout: inactivityTimeoutMs },
  })
  const at = (key: string) => ({ Bucket: bucket, Key: key })

  return {
    ...storageMultipart(s3, bucket),
    ...storageListing(s3, bucket),

    /** Presigns one PUT of exactly this size, type and content; `if-none-match` forbids overwriting. */
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

    /** Presigns a GET. `disposition` sets the Content-Disposition of the response. */
    presignGet: (key: string, expiresInS: number, contentType: string, disposition?: string): Promise<string> => {
      const answered = { ResponseContentType: contentType, ResponseContentDisposition: disposition }
      return getSignedUrl(s3, new GetObjectCommand({ ...at(key), ...answered }), { expiresIn: expiresInS })
    },

    /** The object's metadata, undefined when it is missing. Short timeout, because a caller is waiting. */
    async head(key: string): Promise<StoredObject | undefined> {
      try {
        const command = new HeadObjectCommand({ ...at(key), ChecksumMode: 'ENABLED' })
        const found = await s3.send(command, { abortSignal: AbortSignal.timeout(headTimeoutMs) })
        return {
          sizeBytes: found.ContentLength ?? 0,
          etag: found.ETag ?? '',
          contentType: found.ContentType ?? '',
          ...(found.ChecksumSHA256 === undefined ? {} : { sha256: found.ChecksumSHA256 }),
        }
      } catch (error) {
        if (error instanceof NotFound) return undefined
        throw toStorageRefusal(error)
      }
    },

    /**
     * Copies the version `etag` of an object to a key whose content never changes afterwards.
     * @throws `conflict` when the object is missing or has another ETag.
     */
    async copy(from: string, to: string, etag: string, contentType: string): Promise<void> {
      const source = { CopySource: `${bucket}/${from}`, CopySourceIfMatch: etag }
      const headers = { ContentType: contentType, ...immutable }
      const command = new CopyObjectCommand({ ...at(to), ...source, ...headers, MetadataDirective: 'REPLACE' })
      await s3.send(command, { abortSignal: AbortSignal.timeout(copyTimeoutMs) }).catch(rethrowAsRefusal)
    },

    /**
     * Downloads the version `etag` of an object to a local file, with constant memory.
     * @returns the SHA-256 of the content, in hex
     * @throws `conflict` when the object is missing or has another ETag.
     */
    async download(
      key: string,
      path: string,
      { etag, signal }: { etag: string; signal: AbortSignal },
    ): Promise<{ sha256: string }> {
      const command = new GetObjectCommand({ ...at(key), IfMatch: etag })
      const { Body } = await s3.send(command, { abortSignal: signal }).catch(rethrowAsRefusal)
      if (!(Body instanceof Readable)) throw refusals.unavailable('The object store sent no body.')
      const hash = createHash('sha256')
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          done(null, chunk)
        },
      })
      await pipeline(Body, hashing, createWriteStream(path), { signal }).catch(rethrowAsRefusal)
      return { sha256: hash.digest('hex') }
    },

    /** Uploads a local file to a key whose content never changes afterwards, with constant memory. */
    async putFile(key: string, path: string, contentType: string, { signal }: { signal: AbortSignal }): Promise<void> {
      await putFile(s3, { ...at(key), ContentType: contentType, ...immutable }, path, signal).catch(rethrowAsRefusal)
    },

    async put(key: string, body: Buffer, contentType: string, options: PutOptions = {}): Promise<void> {
      const { encoding, cacheControl, timeoutMs } = options
      const headers = { ContentType: contentType, ContentEncoding: encoding, CacheControl: cacheControl }
      await s3
        .send(new PutObjectCommand({ ...at(key), Body: body, ...headers }), withinMs(timeoutMs))
        .catch(rethrowAsRefusal)
    },

    async get(key: string, { timeoutMs }: Pick<PutOptions, 'timeoutMs'> = {}): Promise<Buffer | undefined> {
      try {
        const { Body } = await s3.send(new GetObjectCommand(at(key)), withinMs(timeoutMs))
        return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray())
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return undefined
        throw toStorageRefusal(error)
      }
    },

    /** Deletes an object. Idempotent. */
    async delete(key: string): Promise<void> {
      await s3.send(new DeleteObjectCommand(at(key))).catch(rethrowAsRefusal)
    },

    /** Deletes all objects whose key starts with `prefix`. */
    async deletePrefix(prefix: string): Promise<void> {
      for (let more = true; more;) {
        const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 100 })
        const { Contents = [], IsTruncated = false } = await s3.send(command).catch(rethrowAsRefusal)
        for (const { Key } of Contents) if (Key !== undefined) await this.delete(Key)
        more = IsTruncated
      }
    },

    /** The distinct key prefixes under `prefix` up to the next slash, at most the first 1,000. */
    async listPrefixes(prefix: string): Promise<string[]> {
      const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/' })
      const { CommonPrefixes = [] } = await s3.send(command).catch(rethrowAsRefusal)
      return CommonPrefixes.flatMap(({ Prefix }) => Prefix ?? [])
    },

    async ping(): Promise<void> {
      await s3.send(new HeadBucketCommand({ Bucket: bucket }))
    },

    [Symbol.asyncDispose]: async () => s3.destroy(),
  }
}

const withinMs = (timeoutMs: number | undefined) =>
  timeoutMs === undefined ? {} : { abortSignal: AbortSignal.timeout(timeoutMs) }

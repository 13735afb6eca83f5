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
import { refusals } from '../refusals'
import { type Config } from './config'
import { putFile } from './put-file'

const headTimeoutMs = 3_000
const forGood = { CacheControl: 'max-age=31536000, immutable' }

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

    /** Answers soon or not at all: whoever asks may hold a transaction open. */
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
        throw asRefusal(error)
      }
    },

    /**
     * Copies the object as `etag` names it, to a key whose content never changes afterwards.
     * @throws `conflict` when it is gone or another one by now.
     */
    async copy(from: string, to: string, etag: string, contentType: string): Promise<void> {
      const source = { CopySource: `${bucket}/${from}`, CopySourceIfMatch: etag }
      const headers = { ContentType: contentType, ...forGood }
      const command = new CopyObjectCommand({ ...at(to), ...source, ...headers, MetadataDirective: 'REPLACE' })
      await s3.send(command).catch(rethrow)
    },

    /**
     * Writes the object as `etag` names it to a local file, with constant memory.
     * @returns the SHA-256 of what was written, in hex
     * @throws `conflict` when it is gone or another one by now.
     */
    async download(
      key: string,
      path: string,
      { etag, signal }: { etag: string; signal: AbortSignal },
    ): Promise<{ sha256: string }> {
      const command = new GetObjectCommand({ ...at(key), IfMatch: etag })
      const { Body } = await s3.send(command, { abortSignal: signal }).catch(rethrow)
      if (!(Body instanceof Readable)) throw refusals.unavailable('The object store sent no body.')
      const hash = createHash('sha256')
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          done(null, chunk)
        },
      })
      await pipeline(Body, hashing, createWriteStream(path), { signal }).catch(rethrow)
      return { sha256: hash.digest('hex') }
    },

    /** Stores a local file under a key whose content never changes afterwards, with constant memory. */
    async putFile(key: string, path: string, contentType: string, { signal }: { signal: AbortSignal }): Promise<void> {
      await putFile(s3, { ...at(key), ContentType: contentType, ...forGood }, path, signal).catch(rethrow)
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

    /** Removes every object whose key begins so. */
    async removeUnder(prefix: string): Promise<void> {
      for (let more = true; more;) {
        const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 100 })
        const { Contents = [], IsTruncated = false } = await s3.send(command).catch(rethrow)
        for (const { Key } of Contents) if (Key !== undefined) await this.remove(Key)
        more = IsTruncated
      }
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

/** 404 and 412 tell of the object; anything else tells of the store. */
const asRefusal = (error: unknown) =>
  error instanceof S3ServiceException && [404, 412].includes(error.$metadata.httpStatusCode ?? 0)
    ? refusals.conflict('The file is not the one that it was.')
    : Object.assign(refusals.unavailable('The object store does not answer.', { retryAfter: 5 }), { cause: error })

import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  GetObjectAclCommand,
} from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { describeForStandIn, openS3Target, sdkError, type S3Target } from './s3-target'

let s3: S3Target

beforeAll(async () => {
  s3 = await openS3Target()
})
afterAll(() => s3[Symbol.asyncDispose]())

const put = (
  Key: string,
  Body: NonNullable<PutObjectCommandInput['Body']>,
  more: Partial<PutObjectCommandInput> = {},
) => s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body, ...more }))
const get = (Key: string, more: Partial<GetObjectCommand['input']> = {}) =>
  s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, ...more }))
const read = async (Key: string, more: Partial<GetObjectCommand['input']> = {}) =>
  (await get(Key, more)).Body?.transformToString()
const head = (Key: string, more: Partial<HeadObjectCommand['input']> = {}) =>
  s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key, ...more }))
const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('base64')

describe('putting an object', () => {
  test('computes the default CRC32 and returns it', async () => {
    const key = s3.newKey()
    expect(await put(key, 'hello')).toMatchObject({
      ETag: '"5d41402abc4b2a76b9719d911017c592"',
      ChecksumCRC32: 'NhCmhg==',
      ChecksumType: 'FULL_OBJECT',
    })
    expect(await read(key)).toBe('hello')
  })

  test('accepts a stream in chunks with a checksum trailer', async () => {
    const key = s3.newKey()
    const body = Buffer.alloc(300_000, 'chunks and trailers ')
    await put(key, Readable.from([body.subarray(0, 70_001), body.subarray(70_001)]), { ContentLength: body.length })
    const answer = await get(key)
    expect(answer.ContentEncoding).toBeUndefined()
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true)
  })

  test.each([
    ['ChecksumCRC32', 'y/Q5Jg=='],
    ['ChecksumCRC32C', '4waSgw=='],
    ['ChecksumCRC64NVME', 'rosUhgp5mIg='],
    ['ChecksumSHA1', digest('sha1', '123456789')],
    ['ChecksumSHA256', digest('sha256', '123456789')],
  ])('verifies, stores and returns %s', async (name, value) => {
    const key = s3.newKey()
    await put(key, '123456789', { [name]: value })
    expect(await head(key, { ChecksumMode: 'ENABLED' })).toMatchObject({
      ContentLength: 9,
      ChecksumType: 'FULL_OBJECT',
      [name]: value,
    })
    expect(await head(key)).not.toHaveProperty(name)
    expect(await read(key, { ChecksumMode: 'ENABLED' })).toBe('123456789')
    const wrong = put(s3.newKey(), 'other', { [name]: value })
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'BadDigest'))
  })

  test('stores nothing after a checksum mismatch', async () => {
    const key = s3.newKey()
    const wrong = put(key, 'hello', { ChecksumSHA256: digest('sha256', 'goodbye') })
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'BadDigest'))
    await expect(get(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })

  test('verifies Content-MD5', async () => {
    await put(s3.newKey(), 'hello', { ContentMD5: digest('md5', 'hello') })
    const wrong = put(s3.newKey(), 'hello', { ContentMD5: digest('md5', 'goodbye') })
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'BadDigest'))
    const invalidMd5 = put(s3.newKey(), 'hello', { ContentMD5: 'abc' })
    await expect(invalidMd5).rejects.toMatchObject(sdkError(400, 'InvalidDigest'))
  })

  test('rejects a checksum of the wrong length', async () => {
    const wrong = put(s3.newKey(), 'hello', { ChecksumSHA256: 'AAAA' })
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'InvalidRequest'))
  })

  test('accepts an empty object', async () => {
    const key = s3.newKey()
    await put(key, new Uint8Array())
    expect(await head(key)).toMatchObject({ ContentLength: 0, ETag: '"d41d8cd98f00b204e9800998ecf8427e"' })
    expect(await read(key)).toBe('')
    await expect(get(key, { Range: 'bytes=0-0' })).rejects.toMatchObject(sdkError(416, 'InvalidRange'))
  })

  test('keeps headers, metadata and special characters in keys', async () => {
    const key = s3.newKey("ä ö/%2F+&=!'()*~ 音楽.flac")
    await put(key, 'x', {
      ContentType: 'audio/flac',
      ContentDisposition: 'attachment; filename="a b.flac"',
      CacheControl: 'public, max-age=31536000, immutable',
      ContentEncoding: 'gzip',
      Metadata: { track: '42', spaced: 'two  spaces' },
    })
    expect(await head(key)).toMatchObject({
      ContentType: 'audio/flac',
      ContentDisposition: 'attachment; filename="a b.flac"',
      CacheControl: 'public, max-age=31536000, immutable',
      ContentEncoding: 'gzip',
      Metadata: { track: '42' },
    })
    const listed = await s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: key }))
    expect(listed.Contents?.map(object => object.Key)).toEqual([key])
  })

  test('refuses too much metadata, and a public ACL', async () => {
    const large = put(s3.newKey(), 'x', { Metadata: { large: 'x'.repeat(2100) } })
    await expect(large).rejects.toMatchObject(sdkError(400, 'MetadataTooLarge'))
    const open = put(s3.newKey(), 'x', { ACL: 'public-read' })
    await expect(open).rejects.toMatchObject(sdkError(400, 'AccessControlListNotSupported'))
  })

  test('refuses a key of more than 1024 bytes', async () => {
    const long = put('ä'.repeat(513), 'x')
    await expect(long).rejects.toMatchObject(sdkError(400, 'KeyTooLongError'))
  })
})

describe('conditional writes', () => {
  test('If-None-Match: * writes only if the object does not exist', async () => {
    const key = s3.newKey()
    await put(key, 'first', { IfNoneMatch: '*' })
    await expect(put(key, 'second', { IfNoneMatch: '*' })).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
    expect(await read(key)).toBe('first')
  })

  test('exactly one of many concurrent writes wins', async () => {
    const key = s3.newKey()
    const bodies = Array.from({ length: 8 }, (_, index) => `writer ${index}`)
    const writes = await Promise.allSettled(bodies.map(body => put(key, body, { IfNoneMatch: '*' })))
    const winners = bodies.filter((_, index) => writes[index]?.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    expect(await read(key)).toBe(winners[0])
  })

  test('If-Match writes only over the expected object', async () => {
    const key = s3.newKey()
    const { ETag } = await put(key, 'first')
    await put(key, 'second', { IfMatch: ETag })
    await expect(put(key, 'third', { IfMatch: ETag })).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
    const missing = put(s3.newKey(), 'x', { IfMatch: ETag })
    await expect(missing).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })
})

describe('getting an object', () => {
  test('supports middle, open, suffix and overlong ranges', async () => {
    const key = s3.newKey()
    await put(key, '0123456789')
    const middle = await get(key, { Range: 'bytes=2-4' })
    expect(middle).toMatchObject({ $metadata: { httpStatusCode: 206 }, ContentRange: 'bytes 2-4/10', ContentLength: 3 })
    expect(await middle.Body?.transformToString()).toBe('234')
    expect(await read(key, { Range: 'bytes=7-' })).toBe('789')
    expect(await read(key, { Range: 'bytes=-4' })).toBe('6789')
    expect(await read(key, { Range: 'bytes=-40' })).toBe('0123456789')
    expect(await read(key, { Range: 'bytes=8-99' })).toBe('89')
    expect(await head(key, { Range: 'bytes=0-0' })).toMatchObject({ ContentLength: 1 })
  })

  test('refuses an unsatisfiable range with 416', async () => {
    const key = s3.newKey()
    await put(key, '0123456789')
    await expect(get(key, { Range: 'bytes=10-' })).rejects.toMatchObject(sdkError(416, 'InvalidRange'))
    await expect(get(key, { Range: 'bytes=-0' })).rejects.toMatchObject(sdkError(416, 'InvalidRange'))
  })

  test('ignores several ranges and malformed ones', async () => {
    const key = s3.newKey()
    await put(key, '0123456789')
    expect(await read(key, { Range: 'bytes=0-1,4-5' })).toBe('0123456789')
    expect(await read(key, { Range: 'lines=1-2' })).toBe('0123456789')
  })

  test('returns 304 for a cached object', async () => {
    const key = s3.newKey()
    const { ETag } = await put(key, 'hello')
    await expect(get(key, { IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    const IfModifiedSince = new Date(Date.now() + 3_600_000)
    await expect(head(key, { IfModifiedSince })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    expect(await read(key, { IfNoneMatch: '"other"' })).toBe('hello')
  })

  test('returns 412 if If-Match or If-Unmodified-Since fails', async () => {
    const key = s3.newKey()
    const { ETag } = await put(key, 'hello')
    expect(await read(key, { IfMatch: ETag })).toBe('hello')
    await expect(get(key, { IfMatch: '"other"' })).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
    const outdated = get(key, { IfUnmodifiedSince: new Date(0) })
    await expect(outdated).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
  })

  test('returns NoSuchKey for a missing object, and a bare 404 to HEAD', async () => {
    await expect(get(s3.newKey())).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
    await expect(head(s3.newKey())).rejects.toMatchObject(sdkError(404, 'NotFound'))
  })

  test('a reader of a replaced object receives the old one to its end', async () => {
    const key = s3.newKey()
    const before = Buffer.alloc(8_000_000, 'before ')
    await put(key, before)
    const answer = await get(key)
    await put(key, 'after')
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(before)).toBe(true)
    expect(await read(key)).toBe('after')
  })

  test('two hundred sequential puts and gets', async () => {
    const key = s3.newKey()
    for (let round = 0; round < 200; round++) {
      await put(key, `round ${round}`)
      expect(await read(key)).toBe(`round ${round}`)
    }
  })
})

describe('copying', () => {
  const copy = (from: string, Key: string, more: Partial<CopyObjectCommand['input']> = {}) =>
    s3.client.send(
      new CopyObjectCommand({ Bucket: s3.bucket, Key, CopySource: encodeURI(`${s3.bucket}/${from}`), ...more }),
    )

  test('copies bytes and metadata, and survives the deletion of its source', async () => {
    const [from, to] = [s3.newKey('ä b'), s3.newKey()]
    const { ETag } = await put(from, 'hello', { ContentType: 'text/x-song', Metadata: { a: '1' } })
    expect((await copy(from, to)).CopyObjectResult).toMatchObject({ ETag, ChecksumCRC32: 'NhCmhg==' })
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: from }))
    expect(await read(to)).toBe('hello')
    expect(await head(to)).toMatchObject({ ContentType: 'text/x-song', Metadata: { a: '1' } })
  })

  test('replaces metadata on request, and computes another checksum', async () => {
    const [from, to] = [s3.newKey(), s3.newKey()]
    await put(from, 'hello', { Metadata: { a: '1' } })
    await copy(from, to, { MetadataDirective: 'REPLACE', ContentType: 'text/plain', ChecksumAlgorithm: 'SHA256' })
    const found = await head(to, { ChecksumMode: 'ENABLED' })
    expect(found).toMatchObject({ ContentType: 'text/plain', ChecksumSHA256: digest('sha256', 'hello'), Metadata: {} })
  })

  test('requires the source to be unchanged', async () => {
    const from = s3.newKey()
    const { ETag } = await put(from, 'hello')
    await copy(from, s3.newKey(), { CopySourceIfMatch: ETag })
    const changed = copy(from, s3.newKey(), { CopySourceIfMatch: '"other"' })
    await expect(changed).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
    const known = copy(from, s3.newKey(), { CopySourceIfNoneMatch: ETag })
    await expect(known).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
  })

  test('refuses a missing source and a copy onto itself', async () => {
    await expect(copy(s3.newKey(), s3.newKey())).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
    const key = s3.newKey()
    await put(key, 'hello')
    await expect(copy(key, key)).rejects.toMatchObject(sdkError(400, 'InvalidRequest'))
  })
})

describe('listing', () => {
  const names = ['a.txt', 'b/1', 'b/2', 'b/c/3', 'd.txt', 'é.txt']
  let root: string
  const list = (more: Partial<ListObjectsV2Command['input']> = {}) =>
    s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: root, ...more }))
  const short = (key: string | undefined) => key?.slice(root.length)

  beforeAll(async () => {
    root = s3.newKey('')
    for (const name of names) await put(root + name, name)
  })

  test('orders keys by UTF-8, with size and ETag', async () => {
    const { Contents, KeyCount, IsTruncated } = await list()
    expect(Contents?.map(({ Key }) => short(Key))).toEqual(names)
    expect(Contents?.[0]).toMatchObject({ Size: 5, StorageClass: 'STANDARD' })
    expect([KeyCount, IsTruncated]).toEqual([6, false])
  })

  test('by delimiter', async () => {
    const { Contents, CommonPrefixes } = await list({ Delimiter: '/' })
    expect(Contents?.map(({ Key }) => short(Key))).toEqual(['a.txt', 'd.txt', 'é.txt'])
    expect(CommonPrefixes?.map(({ Prefix }) => short(Prefix))).toEqual(['b/'])
  })

  test.each([1, 2, 3])('pages of %i neither skip nor repeat keys', async MaxKeys => {
    const seen: (string | undefined)[] = []
    let ContinuationToken: string | undefined
    do {
      const page = await list({ MaxKeys, Delimiter: '/', ContinuationToken })
      const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix }) => short(Prefix))
      seen.push(...(page.Contents ?? []).map(({ Key }) => short(Key)), ...prefixes)
      ContinuationToken = page.NextContinuationToken
    } while (ContinuationToken)
    expect(seen.sort()).toEqual(['a.txt', 'b/', 'd.txt', 'é.txt'])
  })

  test('supports start-after, zero keys and an unknown prefix', async () => {
    expect((await list({ StartAfter: `${root}b/2` })).KeyCount).toBe(3)
    expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false })
    expect((await list({ Prefix: s3.newKey() })).KeyCount).toBe(0)
  })
})

describe('deleting', () => {
  test('one object, repeatedly', async () => {
    const key = s3.newKey()
    await put(key, 'x')
    for (let time = 0; time < 2; time++) {
      const { $metadata } = await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: key }))
      expect($metadata.httpStatusCode).toBe(204)
    }
    await expect(head(key)).rejects.toMatchObject(sdkError(404, 'NotFound'))
  })

  test('many at once, including missing ones', async () => {
    const keys = [s3.newKey('<&> "quoted"'), s3.newKey(), s3.newKey('absent')]
    await put(keys[0] ?? '', 'x')
    await put(keys[1] ?? '', 'x')
    const Objects = keys.map(Key => ({ Key }))
    const answer = await s3.client.send(new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects } }))
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(keys)
    await expect(head(keys[0] ?? '')).rejects.toMatchObject(sdkError(404, 'NotFound'))
  })
})

describe('object subresources', () => {
  test('tags, from the header and set later', async () => {
    const Key = s3.newKey()
    const where = { Bucket: s3.bucket, Key }
    await put(Key, 'x', { Tagging: 'state=raw&by=a%20b' })
    const tags = async () => (await s3.client.send(new GetObjectTaggingCommand(where))).TagSet
    expect(await tags()).toEqual([
      { Key: 'state', Value: 'raw' },
      { Key: 'by', Value: 'a b' },
    ])
    await s3.client.send(
      new PutObjectTaggingCommand({ ...where, Tagging: { TagSet: [{ Key: 'state', Value: 'clean & <safe>' }] } }),
    )
    expect(await tags()).toEqual([{ Key: 'state', Value: 'clean & <safe>' }])
    expect(await get(Key)).toMatchObject({ TagCount: 1 })
    await s3.client.send(new DeleteObjectTaggingCommand(where))
    expect(await tags()).toEqual([])
  })

  test('attributes', async () => {
    const Key = s3.newKey()
    await put(Key, 'hello', { ChecksumAlgorithm: 'SHA256' })
    const answer = await s3.client.send(
      new GetObjectAttributesCommand({
        Bucket: s3.bucket,
        Key,
        ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize', 'StorageClass'],
      }),
    )
    expect(answer).toMatchObject({
      ETag: '5d41402abc4b2a76b9719d911017c592',
      ObjectSize: 5,
      StorageClass: 'STANDARD',
      Checksum: { ChecksumSHA256: digest('sha256', 'hello'), ChecksumType: 'FULL_OBJECT' },
    })
  })
})

describe('a bucket', () => {
  test('exists, and reports its location', async () => {
    const { BucketRegion } = await s3.client.send(new HeadBucketCommand({ Bucket: s3.bucket }))
    expect(BucketRegion).toBe(s3.region)
    const { LocationConstraint } = await s3.client.send(new GetBucketLocationCommand({ Bucket: s3.bucket }))
    expect(LocationConstraint ?? 'us-east-1').toBe(s3.region)
  })

  test('stores lifecycle rules', async () => {
    const Rules = [
      {
        ID: 'drop-incomplete',
        Status: 'Enabled' as const,
        Filter: { Prefix: 'quarantine/' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      },
    ]
    const where = { Bucket: s3.bucket }
    await s3.client.send(new PutBucketLifecycleConfigurationCommand({ ...where, LifecycleConfiguration: { Rules } }))
    const stored = await s3.client.send(new GetBucketLifecycleConfigurationCommand(where))
    expect(stored.Rules).toEqual(Rules)
  })
})

describeForStandIn('buckets of the stand-in', () => {
  test('is created, listed and deleted, but only while empty', async () => {
    const where = { Bucket: 'short.lived' }
    await s3.client.send(new CreateBucketCommand(where))
    const again = s3.client.send(new CreateBucketCommand(where))
    await expect(again).rejects.toMatchObject(sdkError(409, 'BucketAlreadyOwnedByYou'))
    const { Buckets } = await s3.client.send(new ListBucketsCommand({}))
    expect(Buckets?.map(({ Name }) => Name)).toEqual([s3.bucket, 'short.lived'])
    await s3.client.send(new PutObjectCommand({ ...where, Key: 'x', Body: 'x' }))
    const full = s3.client.send(new DeleteBucketCommand(where))
    await expect(full).rejects.toMatchObject(sdkError(409, 'BucketNotEmpty'))
    await s3.client.send(new DeleteObjectCommand({ ...where, Key: 'x' }))
    await s3.client.send(new DeleteBucketCommand(where))
    const inDeletedBucket = s3.client.send(new PutObjectCommand({ ...where, Key: 'x', Body: 'x' }))
    await expect(inDeletedBucket).rejects.toMatchObject(sdkError(404, 'NoSuchBucket'))
  })

  test.each(['ab', 'Upper', 'dots..twice', '10.0.0.1'])('%s is an invalid name', async Bucket => {
    const create = s3.client.send(new CreateBucketCommand({ Bucket }))
    await expect(create).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } })
  })

  test('is not created for other regions', async () => {
    const CreateBucketConfiguration = { LocationConstraint: 'ap-south-1' as const }
    const inOtherRegion = s3.client.send(new CreateBucketCommand({ Bucket: 'elsewhere', CreateBucketConfiguration }))
    await expect(inOtherRegion).rejects.toMatchObject(sdkError(400, 'IllegalLocationConstraintException'))
  })

  test('refuses operations that it does not implement', async () => {
    const key = s3.newKey()
    await put(key, 'x')
    const acl = s3.client.send(new GetObjectAclCommand({ Bucket: s3.bucket, Key: key }))
    await expect(acl).rejects.toMatchObject(sdkError(501, 'NotImplemented'))
  })
})

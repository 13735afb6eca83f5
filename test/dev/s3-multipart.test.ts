import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { openS3Target, statusAndCode, sdkError, type S3Target } from './s3-target'

let s3: S3Target

beforeAll(async () => {
  s3 = await openS3Target()
})
afterAll(() => s3[Symbol.asyncDispose]())

const partBytes = 5 * 1024 ** 2
const first = Buffer.alloc(partBytes, 'first part ')
const last = Buffer.from('and so the last one')
const whole = Buffer.concat([first, last])

const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('base64')
const start = async (Key: string, more: Partial<CreateMultipartUploadCommand['input']> = {}) => {
  const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key, ...more }))
  return { Bucket: s3.bucket, Key, UploadId }
}
type UploadRef = Awaited<ReturnType<typeof start>>
const send = async (upload: UploadRef, PartNumber: number, Body: Buffer): Promise<CompletedPart> => {
  const { ETag, ChecksumCRC32 } = await s3.client.send(new UploadPartCommand({ ...upload, PartNumber, Body }))
  return { PartNumber, ETag, ChecksumCRC32 }
}
const complete = (
  upload: UploadRef,
  Parts: CompletedPart[],
  more: Partial<CompleteMultipartUploadCommand['input']> = {},
) => s3.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...more }))
const read = async (Key: string, Range?: string) => {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key, Range }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

test("uploads 12 MB in three parts with the SDK's uploader, and keeps the type", async () => {
  const Key = s3.newKey()
  const Body = Buffer.alloc(12_000_000, 'twelve megabytes ')
  const params = { Bucket: s3.bucket, Key, Body, ContentType: 'audio/flac' }
  await new Upload({ client: s3.client, params, partSize: partBytes }).done()
  const found = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key }))
  expect(found).toMatchObject({ ContentLength: 12_000_000, ContentType: 'audio/flac' })
  expect(found.ETag).toMatch(/^"[\da-f]{32}-3"$/)
  expect((await read(Key)).equals(Body)).toBe(true)
})

test('verifies signed checksums of presigned parts, and reads ranges across parts', async () => {
  const upload = await start(s3.newKey(), { ChecksumAlgorithm: 'SHA256' })
  const parts: CompletedPart[] = []
  for (const [index, body] of [first, last].entries()) {
    const command = new UploadPartCommand({ ...upload, PartNumber: index + 1, ChecksumSHA256: sha256(body) })
    const url = await getSignedUrl(s3.presigner, command, {
      signableHeaders: new Set(['host', 'x-amz-checksum-sha256']),
      unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
    })
    const headers = { 'x-amz-checksum-sha256': sha256(body) }
    const tampered = await statusAndCode(fetch(url, { method: 'PUT', body: Buffer.from('evil'), headers }))
    expect(tampered).toBe('400 BadDigest')
    const answer = await fetch(url, { method: 'PUT', body, headers })
    expect(answer.status).toBe(200)
    parts.push({ PartNumber: index + 1, ETag: answer.headers.get('etag') ?? '', ChecksumSHA256: sha256(body) })
  }
  const digests = Buffer.concat([first, last].map(body => createHash('sha256').update(body).digest()))
  const done = await complete(upload, parts)
  expect(done).toMatchObject({ ChecksumSHA256: `${sha256(digests)}-2`, ChecksumType: 'COMPOSITE' })
  expect(await read(upload.Key, `bytes=${partBytes - 4}-${partBytes + 2}`)).toEqual(
    whole.subarray(partBytes - 4, partBytes + 3),
  )
  expect((await read(upload.Key, 'bytes=-3')).toString()).toBe('one')
})

test("the ETag is the MD5 of the parts' MD5s, in any upload order and with repeats", async () => {
  const upload = await start(s3.newKey())
  const two = await send(upload, 2, last)
  await send(upload, 1, Buffer.alloc(partBytes, 'a first try'))
  const one = await send(upload, 1, first)
  const { ETag } = await complete(upload, [one, two])
  const md5s = Buffer.concat([first, last].map(body => createHash('md5').update(body).digest()))
  expect(ETag).toBe(`"${createHash('md5').update(md5s).digest('hex')}-2"`)
  expect((await read(upload.Key)).equals(whole)).toBe(true)
})

test('a full-object CRC is combined from the parts', async () => {
  const upload = await start(s3.newKey(), { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' })
  const parts = [await send(upload, 1, first), await send(upload, 2, last)]
  const expected = Buffer.alloc(4)
  expected.writeUInt32BE(crc32(whole))
  const wrong = complete(upload, parts, { ChecksumCRC32: 'AAAAAA==', ChecksumType: 'FULL_OBJECT' })
  await expect(wrong).rejects.toMatchObject(sdkError(400, 'BadDigest'))
  const done = await complete(upload, parts)
  expect(done).toMatchObject({ ChecksumCRC32: expected.toString('base64'), ChecksumType: 'FULL_OBJECT' })
})

test('the default checksum is CRC64NVME, the same as for a single PUT', async () => {
  const withoutChecksum = s3.createClient({ requestChecksumCalculation: 'WHEN_REQUIRED' })
  const [Key, single] = [s3.newKey(), s3.newKey()]
  const { UploadId } = await withoutChecksum.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key }))
  const upload = { Bucket: s3.bucket, Key, UploadId }
  const { ETag } = await withoutChecksum.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: first }))
  const other = await withoutChecksum.send(new UploadPartCommand({ ...upload, PartNumber: 7, Body: last }))
  await withoutChecksum.send(
    new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: {
        Parts: [
          { PartNumber: 1, ETag },
          { PartNumber: 7, ETag: other.ETag },
        ],
      },
    }),
  )
  await withoutChecksum.send(new PutObjectCommand({ Bucket: s3.bucket, Key: single, Body: whole }))
  const show = async (key: string) => {
    const request = { Bucket: s3.bucket, Key: key, ObjectAttributes: ['Checksum' as const, 'ObjectSize' as const] }
    const { Checksum, ObjectSize } = await s3.client.send(new GetObjectAttributesCommand(request))
    return { Checksum, ObjectSize }
  }
  expect(await show(Key)).toEqual(await show(single))
  expect((await show(Key)).Checksum?.ChecksumCRC64NVME).toHaveLength(12)
})

test('a copy becomes a single object', async () => {
  const upload = await start(s3.newKey())
  await complete(upload, [await send(upload, 1, first), await send(upload, 2, last)])
  const Key = s3.newKey()
  const CopySource = `${s3.bucket}/${upload.Key}`
  const { CopyObjectResult } = await s3.client.send(new CopyObjectCommand({ Bucket: s3.bucket, Key, CopySource }))
  expect(CopyObjectResult?.ETag).toBe(`"${createHash('md5').update(whole).digest('hex')}"`)
  expect((await read(Key)).equals(whole)).toBe(true)
})

test('parts and uploads are listed page by page', async () => {
  const upload = await start(s3.newKey(), { ContentType: 'audio/flac' })
  const parts = [await send(upload, 1, first), await send(upload, 2, last)]
  const page = await s3.client.send(new ListPartsCommand({ ...upload, MaxParts: 1 }))
  expect(page.Parts).toMatchObject([{ PartNumber: 1, Size: partBytes, ETag: parts[0]?.ETag }])
  expect(page.IsTruncated).toBe(true)
  const next = await s3.client.send(new ListPartsCommand({ ...upload, PartNumberMarker: page.NextPartNumberMarker }))
  expect(next.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([2])
  const uploads = async () => {
    const request = { Bucket: s3.bucket, Prefix: upload.Key }
    return (await s3.client.send(new ListMultipartUploadsCommand(request))).Uploads?.map(({ UploadId }) => UploadId)
  }
  expect(await uploads()).toEqual([upload.UploadId])
  await complete(upload, parts)
  expect(await uploads()).toBeUndefined()
  await expect(complete(upload, parts)).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } })
})

describe('completing is refused', () => {
  test('for a missing part or another ETag', async () => {
    const upload = await start(s3.newKey())
    const part = await send(upload, 1, last)
    const wrong = complete(upload, [{ ...part, ETag: '"00000000000000000000000000000000"' }])
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'InvalidPart'))
    await expect(complete(upload, [{ ...part, PartNumber: 2 }])).rejects.toMatchObject(sdkError(400, 'InvalidPart'))
  })

  test('for a wrong or missing part checksum', async () => {
    const upload = await start(s3.newKey(), { ChecksumAlgorithm: 'CRC32' })
    const part = await send(upload, 1, last)
    const wrong = complete(upload, [{ ...part, ChecksumCRC32: 'AAAAAA==' }])
    await expect(wrong).rejects.toMatchObject(sdkError(400, 'InvalidPart'))
    const missing = complete(upload, [{ ...part, ChecksumCRC32: undefined }])
    await expect(missing).rejects.toMatchObject(sdkError(400, 'InvalidRequest'))
  })

  test('for parts out of order', async () => {
    const upload = await start(s3.newKey())
    const [one, two] = [await send(upload, 1, last), await send(upload, 2, last)]
    await expect(complete(upload, [two, one])).rejects.toMatchObject(sdkError(400, 'InvalidPartOrder'))
  })

  test('for a small part that is not the last', async () => {
    const upload = await start(s3.newKey())
    const parts = [await send(upload, 1, last), await send(upload, 2, last)]
    await expect(complete(upload, parts)).rejects.toMatchObject(sdkError(400, 'EntityTooSmall'))
  })

  test('for a size that differs from the parts, and a part longer than signed', async () => {
    const upload = await start(s3.newKey(), { ChecksumAlgorithm: 'SHA256' })
    const fixed = { PartNumber: 1, ContentLength: last.length, ChecksumSHA256: sha256(last) }
    const url = await getSignedUrl(s3.presigner, new UploadPartCommand({ ...upload, ...fixed }), {
      signableHeaders: new Set(['content-length', 'host', 'x-amz-checksum-sha256']),
      unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
    })
    const put = (body: Buffer) =>
      statusAndCode(fetch(url, { method: 'PUT', body, headers: { 'x-amz-checksum-sha256': sha256(last) } }))
    expect(await put(Buffer.concat([last, last]))).toBe('403 SignatureDoesNotMatch')
    expect(await put(Buffer.alloc(last.length))).toBe('400 BadDigest')
    const { ETag } = await s3.client.send(new UploadPartCommand({ ...upload, ...fixed, Body: last }))
    const parts = [{ PartNumber: 1, ETag, ChecksumSHA256: sha256(last) }]
    const wrongSize = complete(upload, parts, { MpuObjectSize: last.length + 1 })
    await expect(wrongSize).rejects.toMatchObject(sdkError(400, 'InvalidRequest'))
    await complete(upload, parts, { MpuObjectSize: last.length })
  })

  test('for an existing object, if it must not exist', async () => {
    const upload = await start(s3.newKey())
    const parts = [await send(upload, 1, last)]
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: upload.Key, Body: 'here already' }))
    const tooLate = complete(upload, parts, { IfNoneMatch: '*' })
    await expect(tooLate).rejects.toMatchObject(sdkError(412, 'PreconditionFailed'))
    expect((await read(upload.Key)).toString()).toBe('here already')
  })
})

test('a part without the checksum of the upload is refused', async () => {
  const upload = await start(s3.newKey(), { ChecksumAlgorithm: 'SHA256' })
  const url = await getSignedUrl(s3.presigner, new UploadPartCommand({ ...upload, PartNumber: 1 }))
  expect(await statusAndCode(fetch(url, { method: 'PUT', body: 'x' }))).toBe('400 InvalidRequest')
})

test('an aborted upload is gone', async () => {
  const upload = await start(s3.newKey())
  const part = await send(upload, 1, last)
  await s3.client.send(new AbortMultipartUploadCommand(upload))
  await expect(complete(upload, [part])).rejects.toMatchObject(sdkError(404, 'NoSuchUpload'))
  await expect(send(upload, 2, last)).rejects.toMatchObject(sdkError(404, 'NoSuchUpload'))
  await expect(read(upload.Key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
})

test('part numbers range from 1 to 10000', async () => {
  const upload = await start(s3.newKey())
  await expect(send(upload, 0, last)).rejects.toMatchObject(sdkError(400, 'InvalidArgument'))
  await expect(send(upload, 10_001, last)).rejects.toMatchObject(sdkError(400, 'InvalidArgument'))
})

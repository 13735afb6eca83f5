import { GetObjectCommand, PutObjectCommand, type S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { openS3Target, statusAndCode, sdkError, type S3Target } from './s3-target'

let s3: S3Target

beforeAll(async () => {
  s3 = await openS3Target()
})
afterAll(() => s3[Symbol.asyncDispose]())

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
const put = (Key: string, Body: string, client = s3.client) =>
  client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body }))
const read = async (Key: string) => {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }))
  return Body?.transformToString()
}

describe('a signature in the header', () => {
  const connect = (config: Partial<S3ClientConfig>) => put(s3.newKey(), 'x', s3.createClient(config))

  test('with another secret does not match', async () => {
    const credentials = { ...s3.credentials, secretAccessKey: 'guessed' }
    await expect(connect({ credentials })).rejects.toMatchObject(sdkError(403, 'SignatureDoesNotMatch'))
  })

  test('with an unknown key is refused', async () => {
    const credentials = { ...s3.credentials, accessKeyId: 'AKIANOBODY' }
    await expect(connect({ credentials })).rejects.toMatchObject(sdkError(403, 'InvalidAccessKeyId'))
  })

  test('for another region is refused, and names the right one', async () => {
    const otherRegion = connect({ region: 'sa-east-1' })
    await expect(otherRegion).rejects.toMatchObject(sdkError(400, 'AuthorizationHeaderMalformed'))
  })

  test('twenty minutes off is refused as skewed', async () => {
    const skewed = connect({ systemClockOffset: -20 * 60_000 })
    await expect(skewed).rejects.toMatchObject(sdkError(403, 'RequestTimeTooSkewed'))
  })

  test('of an older version is refused', async () => {
    const authorization = `AWS ${s3.credentials.accessKeyId}:c2lnbmF0dXJl`
    const answer = fetch(`${s3.endpoint}/${s3.bucket}/x`, { headers: { authorization } })
    expect(await statusAndCode(answer)).toBe('400 InvalidRequest')
  })
})

describe('an anonymous request', () => {
  test.each(['GET', 'PUT', 'DELETE'])('%s is refused', async method => {
    const key = s3.newKey()
    await put(key, 'private')
    const answer = fetch(`${s3.endpoint}/${s3.bucket}/${key}`, { method, ...(method === 'PUT' && { body: 'x' }) })
    expect(await statusAndCode(answer)).toBe('403 AccessDenied')
  })
})

describe('a request that was changed after it was signed', () => {
  // Steps after `finalizeRequest` see the signed request, like a man in the middle.
  function tampering(change: (request: { headers: Record<string, string>; body?: unknown }) => void): S3Client {
    const client = s3.createClient({ requestChecksumCalculation: 'WHEN_REQUIRED' })
    client.middlewareStack.add(
      next => async args => {
        if (isRequest(args.request)) change(args.request)
        return next(args)
      },
      { step: 'deserialize', priority: 'low' },
    )
    return client
  }

  test('in a signed header does not match', async () => {
    const client = tampering(({ headers }) => (headers['x-amz-date'] = '20200101T000000Z'))
    await expect(put(s3.newKey(), 'x', client)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
  })

  test('by another x-amz-* header is refused', async () => {
    const client = tampering(({ headers }) => (headers['x-amz-acl'] = 'bucket-owner-full-control'))
    await expect(put(s3.newKey(), 'x', client)).rejects.toMatchObject(sdkError(403, 'AccessDenied'))
  })

  test('in its body does not match the signed digest', async () => {
    const key = s3.newKey()
    const client = tampering(request => (request.body = 'evil!'))
    await expect(put(key, 'hello', client)).rejects.toMatchObject(sdkError(400, 'XAmzContentSHA256Mismatch'))
    await expect(read(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })

  test('in its trailer is refused', async () => {
    const noLog = () => undefined
    const client = s3.createClient({ logger: { debug: noLog, info: noLog, warn: noLog, error: noLog } })
    client.middlewareStack.add(
      next => async args => {
        if (isRequest(args.request))
          args.request.body = Readable.from(['5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'])
        return next(args)
      },
      { step: 'deserialize', priority: 'low' },
    )
    const command = new PutObjectCommand({
      Bucket: s3.bucket,
      Key: s3.newKey(),
      Body: Readable.from(['hello']),
      ContentLength: 5,
    })
    await expect(client.send(command)).rejects.toMatchObject(sdkError(400, 'BadDigest'))
  })
})

describe('a presigned GET', () => {
  const url = (Key: string, more: Partial<GetObjectCommand['input']> = {}, options = {}) =>
    getSignedUrl(s3.presigner, new GetObjectCommand({ Bucket: s3.bucket, Key, ...more }), { expiresIn: 60, ...options })
  let key: string

  beforeAll(async () => {
    key = s3.newKey('a b+ü.txt')
    await put(key, 'hello')
  })

  test('returns the object, also in ranges', async () => {
    expect(await (await fetch(await url(key))).text()).toBe('hello')
    const part = await fetch(await url(key), { headers: { range: 'bytes=1-2' } })
    expect([part.status, await part.text()]).toEqual([206, 'el'])
  })

  test('overrides response headers', async () => {
    const answer = await fetch(
      await url(key, {
        ResponseContentDisposition: 'attachment; filename="song.txt"',
        ResponseContentType: 'text/x-song',
      }),
    )
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="song.txt"')
    expect(answer.headers.get('content-type')).toBe('text/x-song')
  })

  test('with an invalid response header is refused', async () => {
    const answer = fetch(await url(key, { ResponseContentDisposition: 'a\r\nset-cookie: b' }))
    expect((await answer).status).toBe(400)
  })

  test('with another signature, key or parameter does not match', async () => {
    const good = await url(key)
    const tampered = good.replace(
      /(X-Amz-Signature=)(.)/,
      (_, name: string, digit: string) => name + (digit === '0' ? '1' : '0'),
    )
    expect(await statusAndCode(fetch(tampered))).toBe('403 SignatureDoesNotMatch')
    expect(await statusAndCode(fetch(good.replace('.txt', '.doc')))).toBe('403 SignatureDoesNotMatch')
    expect(await statusAndCode(fetch(`${good}&response-content-type=text%2Fhtml`))).toBe('403 SignatureDoesNotMatch')
    expect(await statusAndCode(fetch(good, { method: 'DELETE' }))).toBe('403 SignatureDoesNotMatch')
  })

  test('expires, and cannot be extended', async () => {
    const expired = await url(key, {}, { signingDate: new Date(Date.now() - 3_600_000) })
    expect(await statusAndCode(fetch(expired))).toBe('403 AccessDenied')
    const stretched = expired.replace('X-Amz-Expires=60', 'X-Amz-Expires=7200')
    expect(await statusAndCode(fetch(stretched))).toBe('403 SignatureDoesNotMatch')
  })

  test('is refused half an hour before its date', async () => {
    const early = await url(key, {}, { signingDate: new Date(Date.now() + 1_800_000) })
    expect(await statusAndCode(fetch(early))).toBe('403 AccessDenied')
  })

  test('is valid for a week at most', async () => {
    const long = (await url(key)).replace('X-Amz-Expires=60', 'X-Amz-Expires=604801')
    expect(await statusAndCode(fetch(long))).toBe('400 AuthorizationQueryParametersError')
  })

  test('with a second signature in the header is refused', async () => {
    const answer = fetch(await url(key), { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x' } })
    expect(await statusAndCode(answer)).toBe('400 InvalidArgument')
  })
})

describe('a presigned PUT', () => {
  const sign = (command: PutObjectCommand, options: Parameters<typeof getSignedUrl>[2] = {}) =>
    getSignedUrl(s3.presigner, command, {
      expiresIn: 60,
      signableHeaders: new Set(['content-type', 'content-length', 'host']),
      ...options,
    })
  const tune = (Key: string) =>
    new PutObjectCommand({ Bucket: s3.bucket, Key, ContentType: 'audio/flac', ContentLength: 5 })
  const send = (url: string, body: string, headers: Record<string, string> = { 'content-type': 'audio/flac' }) =>
    statusAndCode(fetch(url, { method: 'PUT', body, headers }))

  test('stores exactly what was signed', async () => {
    const key = s3.newKey()
    expect(await send(await sign(tune(key)), 'hello')).toBe('200')
    expect(await read(key)).toBe('hello')
  })

  test('of another type or length does not match', async () => {
    const key = s3.newKey()
    const url = await sign(tune(key))
    expect(await send(url, 'hello', { 'content-type': 'text/html' })).toBe('403 SignatureDoesNotMatch')
    expect(await send(url, 'hello, and more')).toBe('403 SignatureDoesNotMatch')
    expect(await send(url, 'hell')).toBe('403 SignatureDoesNotMatch')
    await expect(read(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })

  test('without a length is refused', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('hello'))
        controller.close()
      },
    })
    const request = { method: 'PUT', body, headers: { 'content-type': 'audio/flac' }, duplex: 'half' } as const
    const { status } = await fetch(await sign(tune(s3.newKey())), request)
    expect([403, 411]).toContain(status)
  })

  test('with an unsigned x-amz-* header is refused', async () => {
    const headers = { 'content-type': 'audio/flac', 'x-amz-acl': 'public-read' }
    expect(await send(await sign(tune(s3.newKey())), 'hello', headers)).toBe('403 AccessDenied')
  })

  test('expires', async () => {
    const url = await sign(tune(s3.newKey()), { signingDate: new Date(Date.now() - 3_600_000) })
    expect(await send(url, 'hello')).toBe('403 AccessDenied')
  })

  test("with the SDK's default checksum of an unknown body is refused", async () => {
    const command = new PutObjectCommand({ Bucket: s3.bucket, Key: s3.newKey() })
    const url = await getSignedUrl(s3.client, command, { expiresIn: 60 })
    expect(url).toContain('x-amz-checksum-crc32=')
    expect(await send(url, 'hello', {})).toBe('400 BadDigest')
  })

  test('may sign metadata and If-None-Match', async () => {
    const Key = s3.newKey()
    const command = new PutObjectCommand({ Bucket: s3.bucket, Key, Metadata: { track: '42' }, IfNoneMatch: '*' })
    const url = await sign(command, { signableHeaders: new Set(['host', 'if-none-match']) })
    const headers = { 'if-none-match': '*' }
    expect(await send(url, 'hello', headers)).toBe('200')
    expect(await send(url, 'hello', headers)).toBe('412 PreconditionFailed')
    const { Metadata } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }))
    expect(Metadata).toEqual({ track: '42' })
  })

  describe('with a signed SHA-256', () => {
    const signed = (Key: string) =>
      sign(new PutObjectCommand({ Bucket: s3.bucket, Key, ChecksumSHA256: sha256('hello') }), {
        signableHeaders: new Set(['host', 'x-amz-checksum-sha256']),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
    const header = (text: string) => ({ 'x-amz-checksum-sha256': sha256(text) })

    test('accepts the declared body', async () => {
      expect(await send(await signed(s3.newKey()), 'hello', header('hello'))).toBe('200')
    })

    test('rejects any other body', async () => {
      const key = s3.newKey()
      expect(await send(await signed(key), 'evil!', header('hello'))).toBe('400 BadDigest')
      expect(await send(await signed(key), 'evil!', header('evil!'))).toBe('403 SignatureDoesNotMatch')
      await expect(read(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
    })

    test('rejects a request without the header', async () => {
      expect(await send(await signed(s3.newKey()), 'hello', {})).toMatch(/^403 /)
    })
  })
})

function isRequest(request: unknown): request is { headers: Record<string, string>; body?: unknown } {
  return typeof request === 'object' && request !== null && 'headers' in request
}

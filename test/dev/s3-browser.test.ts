import {
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { createHash, createHmac } from 'node:crypto'
import { openS3Target, statusAndCode, sdkError, type S3Target } from './s3-target'

let s3: S3Target

beforeAll(async () => {
  s3 = await openS3Target()
})
afterAll(() => s3[Symbol.asyncDispose]())

describe('a form upload', () => {
  const range = ['content-length-range', 1, 1000]

  interface FormOptions {
    conditions?: unknown[]
    fields?: Record<string, string>
    expiresInMs?: number
  }

  /** The fields of a signed form, as an application would give them to its page. */
  function signForm(key: string, { conditions = [], fields = {}, expiresInMs = 60_000 }: FormOptions = {}) {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const scope = [stamp.slice(0, 8), s3.region, 's3', 'aws4_request']
    const signed: Record<string, string> = {
      key,
      'Content-Type': 'audio/flac',
      'x-amz-algorithm': 'AWS4-HMAC-SHA256',
      'x-amz-credential': [s3.credentials.accessKeyId, ...scope].join('/'),
      'x-amz-date': stamp,
      ...fields,
    }
    const exact = Object.entries(signed).map(([name, value]) => ({ [name]: value }))
    const document = {
      expiration: new Date(Date.now() + expiresInMs).toISOString(),
      conditions: [{ bucket: s3.bucket }, range, ...exact, ...conditions],
    }
    const policy = Buffer.from(JSON.stringify(document)).toString('base64')
    const signingKey = scope.reduce<Buffer | string>(
      (secret, text) => createHmac('sha256', secret).update(text).digest(),
      `AWS4${s3.credentials.secretAccessKey}`,
    )
    return { ...signed, policy, 'x-amz-signature': createHmac('sha256', signingKey).update(policy).digest('hex') }
  }

  function post(
    fields: Record<string, string>,
    file: string | Uint8Array<ArrayBuffer> = 'hello',
    filename = 'ä "1".flac',
  ) {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('file', new Blob([file]), filename)
    return fetch(`${s3.endpoint}/${s3.bucket}`, { method: 'POST', body: form })
  }

  const read = (Key: string) => s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }))

  test('stores the file as the policy allows', async () => {
    const key = s3.newKey()
    const answer = await post(signForm(key, { fields: { 'x-amz-meta-track': '42' } }))
    expect([answer.status, answer.headers.get('etag')]).toEqual([204, '"5d41402abc4b2a76b9719d911017c592"'])
    const found = await read(key)
    expect(found).toMatchObject({ ContentType: 'audio/flac', Metadata: { track: '42' } })
    expect(await found.Body?.transformToString()).toBe('hello')
  })

  test('stores bytes that resemble a boundary', async () => {
    const key = s3.newKey()
    const awkward = Buffer.from('\r\n--\r\n------\r\n\r\n--formdata-undici-0\r\n\0\xff\r', 'latin1')
    expect((await post(signForm(key), new Uint8Array(awkward))).status).toBe(204)
    expect(Buffer.from((await (await read(key)).Body?.transformToByteArray()) ?? []).equals(awkward)).toBe(true)
  })

  test('responds as the form requests', async () => {
    const created = await post(signForm(s3.newKey('a&b'), { fields: { success_action_status: '201' } }))
    expect([created.status, await created.text()]).toEqual([201, expect.stringContaining('a&amp;b</Key>')])
    const ok = await post(signForm(s3.newKey(), { fields: { success_action_status: '200' } }))
    expect(ok.status).toBe(200)
  })

  test('names the object after the file where the key says so', async () => {
    const key = s3.newKey()
    const fields = signForm(`${key}/\${filename}`)
    expect((await post(fields, 'hello', 'song.flac')).status).toBe(204)
    expect((await read(`${key}/song.flac`)).ContentLength).toBe(5)
  })

  test('of a file over or under the size limits is refused and stores nothing', async () => {
    const key = s3.newKey()
    expect(await statusAndCode(post(signForm(key), 'x'.repeat(1001)))).toBe('400 EntityTooLarge')
    expect(await statusAndCode(post(signForm(key), new Uint8Array(3_000_000)))).toBe('400 EntityTooLarge')
    expect(await statusAndCode(post(signForm(key), ''))).toBe('400 EntityTooSmall')
    await expect(read(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })

  test('with a type, key or field outside the policy is refused', async () => {
    const fields = signForm(s3.newKey())
    expect(await statusAndCode(post({ ...fields, 'Content-Type': 'text/html' }))).toBe('403 AccessDenied')
    expect(await statusAndCode(post({ ...fields, key: s3.newKey() }))).toBe('403 AccessDenied')
    expect(await statusAndCode(post({ ...fields, acl: 'public-read' }))).toBe('403 AccessDenied')
    expect(await statusAndCode(post({ ...fields, 'x-amz-meta-more': 'x' }))).toBe('403 AccessDenied')
    expect(await statusAndCode(post({ ...fields, 'x-ignore-me': 'x' }))).toBe('204')
  })

  test('may have a variable key suffix', async () => {
    const folder = s3.newKey('')
    const fields = signForm(`${folder}1`, { conditions: [['starts-with', '$Cache-Control', 'max-age=']] })
    expect(await statusAndCode(post({ ...fields, 'Cache-Control': 'max-age=60' }))).toBe('204')
    expect(await statusAndCode(post({ ...fields, 'Cache-Control': 'no-store' }))).toBe('403 AccessDenied')
    expect(await statusAndCode(post(fields))).toBe('403 AccessDenied')
  })

  test('with an invalid signature, a changed policy or an unknown key is refused', async () => {
    const fields = signForm(s3.newKey())
    const forged = { ...fields, 'x-amz-signature': 'f'.repeat(64) }
    expect(await statusAndCode(post(forged))).toBe('403 SignatureDoesNotMatch')
    const widened = Buffer.from(fields.policy, 'base64').toString().replace('1000', '9000')
    const altered = { ...fields, policy: Buffer.from(widened).toString('base64') }
    expect(await statusAndCode(post(altered))).toBe('403 SignatureDoesNotMatch')
    const credential = `AKIANOBODY/${new Date().toISOString().slice(0, 10).replaceAll('-', '')}/${s3.region}/s3/aws4_request`
    expect(await statusAndCode(post({ ...fields, 'x-amz-credential': credential }))).toBe('403 InvalidAccessKeyId')
  })

  test('after its policy has expired is refused', async () => {
    expect(await statusAndCode(post(signForm(s3.newKey(), { expiresInMs: -1000 })))).toBe('403 AccessDenied')
  })

  test('without a policy is refused', async () => {
    expect(await statusAndCode(post({ key: s3.newKey() }))).toBe('403 AccessDenied')
  })

  test('has its checksum verified', async () => {
    const sha256 = createHash('sha256').update('hello').digest('base64')
    const form = () => signForm(s3.newKey(), { fields: { 'x-amz-checksum-sha256': sha256 } })
    expect(await statusAndCode(post(form(), 'hello'))).toBe('204')
    expect(await statusAndCode(post(form(), 'evil!'))).toBe('400 BadDigest')
  })

  test('without a file, or truncated within it, is refused', async () => {
    const key = s3.newKey()
    const form = new FormData()
    for (const [name, value] of Object.entries(signForm(key))) form.append(name, value)
    const url = `${s3.endpoint}/${s3.bucket}`
    expect(await statusAndCode(fetch(url, { method: 'POST', body: form }))).toBe('400 InvalidArgument')
    form.append('file', new Blob(['hello']))
    const encoded = new Response(form)
    const body = (await encoded.text()).slice(0, -60)
    const headers = { 'content-type': encoded.headers.get('content-type') ?? '' }
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(400)
    await expect(read(key)).rejects.toMatchObject(sdkError(404, 'NoSuchKey'))
  })
})

describe('CORS', () => {
  const origin = 'https://app.example'
  const CORSRules = [
    {
      AllowedOrigins: [origin, 'https://*.preview.example'],
      AllowedMethods: ['GET', 'PUT', 'POST'],
      AllowedHeaders: ['content-type', 'x-amz-*'],
      ExposeHeaders: ['ETag', 'x-amz-checksum-sha256'],
      MaxAgeSeconds: 600,
    },
  ]
  const preflight = (from: string, method: string, headers = 'content-type,x-amz-meta-track') =>
    fetch(`${s3.endpoint}/${s3.bucket}/any/key`, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': method,
        ...(headers && { 'access-control-request-headers': headers }),
      },
    })

  beforeAll(() => s3.client.send(new PutBucketCorsCommand({ Bucket: s3.bucket, CORSConfiguration: { CORSRules } })))

  test('rules are stored', async () => {
    const stored = await s3.client.send(new GetBucketCorsCommand({ Bucket: s3.bucket }))
    expect(stored.CORSRules).toEqual(CORSRules)
  })

  test('a preflight that a rule allows', async () => {
    const answer = await preflight(origin, 'PUT')
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-headers': 'content-type, x-amz-meta-track',
      'access-control-max-age': '600',
    })
    expect(answer.headers.get('access-control-allow-methods')).toContain('PUT')
    expect((await preflight('https://pr-7.preview.example', 'GET', '')).status).toBe(200)
  })

  test('a preflight from a foreign origin, for another method or header', async () => {
    expect(await statusAndCode(preflight('https://evil.example', 'PUT'))).toBe('403 AccessForbidden')
    expect(await statusAndCode(preflight(origin, 'DELETE'))).toBe('403 AccessForbidden')
    expect(await statusAndCode(preflight(origin, 'PUT', 'authorization'))).toBe('403 AccessForbidden')
  })

  test('an incomplete preflight', async () => {
    const answer = fetch(`${s3.endpoint}/${s3.bucket}/x`, { method: 'OPTIONS' })
    expect(await statusAndCode(answer)).toMatch(/^400/)
  })

  test('responses carry CORS headers for allowed origins, also refusals', async () => {
    const Key = s3.newKey()
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: 'hello' }))
    const url = await getSignedUrl(s3.presigner, new GetObjectCommand({ Bucket: s3.bucket, Key }))
    const answer = await fetch(url, { headers: { origin } })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect(answer.headers.get('access-control-expose-headers')).toContain('ETag')
    expect(answer.headers.get('vary')).toContain('Origin')
    const otherOrigin = await fetch(url, { headers: { origin: 'https://evil.example' } })
    expect([otherOrigin.status, otherOrigin.headers.get('access-control-allow-origin')]).toEqual([200, null])
    const refused = await fetch(`${s3.endpoint}/${s3.bucket}/${Key}`, { headers: { origin } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, origin])
  })

  test('a rule with an unknown method is refused', async () => {
    const rules = [{ AllowedOrigins: ['*'], AllowedMethods: ['FETCH'] }]
    const put = s3.client.send(new PutBucketCorsCommand({ Bucket: s3.bucket, CORSConfiguration: { CORSRules: rules } }))
    await expect(put).rejects.toMatchObject(sdkError(400, 'InvalidRequest'))
  })

  test('without rules no origin is allowed', async () => {
    await s3.client.send(new DeleteBucketCorsCommand({ Bucket: s3.bucket }))
    const deleted = s3.client.send(new GetBucketCorsCommand({ Bucket: s3.bucket }))
    await expect(deleted).rejects.toMatchObject(sdkError(404, 'NoSuchCORSConfiguration'))
    expect(await statusAndCode(preflight(origin, 'PUT'))).toBe('403 AccessForbidden')
  })
})

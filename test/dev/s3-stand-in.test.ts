import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { startS3 } from '../../dev/s3'
import { statusAndCode } from './s3-target'

const Bucket = 'tunes'
const region = 'us-east-1'
// The credentials of the examples in the S3 documentation, whose signatures are published.
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 's3-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function start({ now = Date.now, bucket = Bucket } = {}) {
  const s3 = await startS3({ folder, region, ...credentials, now })
  const systemClockOffset = now() - Date.now()
  const config = { endpoint: s3.endpoint, region, credentials, forcePathStyle: true, systemClockOffset }
  const client = new S3Client(config)
  const presigner = new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' })
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch(() => undefined)
  return {
    ...s3,
    client,
    presigner,
    async [Symbol.asyncDispose]() {
      client.destroy()
      await s3[Symbol.asyncDispose]()
    },
  }
}

const put = (client: S3Client, Key: string, Body: string) => client.send(new PutObjectCommand({ Bucket, Key, Body }))
const read = async (client: S3Client, Key: string) =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()
const pieces = () => readdir(join(folder, 'pieces'))

test('a restarted process keeps the objects and deletes temporary files', async () => {
  const corsRules = [{ AllowedOrigins: ['*'], AllowedMethods: ['GET'] }]
  let UploadId: string | undefined
  {
    await using s3 = await start()
    await put(s3.client, 'a', 'kept')
    await put(s3.client, 'a', 'kept, second')
    const cors = { Bucket, CORSConfiguration: { CORSRules: corsRules } }
    await s3.client.send(new PutBucketCorsCommand(cors))
    ;({ UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'b' })))
    await s3.client.send(new UploadPartCommand({ Bucket, Key: 'b', UploadId, PartNumber: 1, Body: 'part' }))
  }
  expect(await pieces()).toHaveLength(2)
  await writeFile(join(folder, 'pieces', 'debris'), 'half an object')
  await writeFile(join(folder, 'buckets', Bucket, 'objects', 'x.json.draft'), '{"half"')
  await using s3 = await start()
  expect(await read(s3.client, 'a')).toBe('kept, second')
  expect((await s3.client.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toMatchObject(corsRules)
  const { Parts } = await s3.client.send(new ListPartsCommand({ Bucket, Key: 'b', UploadId }))
  expect(Parts).toMatchObject([{ PartNumber: 1, Size: 4 }])
  expect(await pieces()).toHaveLength(2)
})

test('a refusal within a body is readable, and the connection stays usable', async () => {
  await using s3 = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = (url: string, body: Buffer, headers = {}) =>
    new Promise<string>((resolve, reject) => {
      const call = request(url, { method: 'POST', agent, headers })
      call.once('error', reject)
      call.once('response', answer => void text(answer).then(() => resolve(`${answer.statusCode ?? 0}`), reject))
      call.end(body)
    })
  const head =
    '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\na\r\n--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
  const form = Buffer.concat([Buffer.from(head), Buffer.alloc(4_000_000)])
  const headers = { 'content-type': 'multipart/form-data; boundary=b' }
  for (let round = 0; round < 3; round++) expect(await send(`${s3.endpoint}/${Bucket}`, form, headers)).toBe('403')
  expect(await send(`${s3.endpoint}/${Bucket}/a`, form)).toBe('403')
  agent.destroy()
})

test('more than 5 GB in one request are refused before the body is sent', async () => {
  await using s3 = await start()
  const url = await getSignedUrl(s3.presigner, new PutObjectCommand({ Bucket, Key: 'huge' }))
  const refused = await new Promise<string>((resolve, reject) => {
    const call = request(url, { method: 'PUT', headers: { 'content-length': 6 * 1024 ** 3 } })
    call.once(
      'response',
      answer =>
        void text(answer)
          .then(resolve, reject)
          .finally(() => call.destroy()),
    )
    call.once('error', reject)
    call.flushHeaders()
  })
  expect(refused).toContain('<Code>EntityTooLarge</Code>')
})

test('a broken connection stores nothing', async () => {
  await using s3 = await start()
  const url = await getSignedUrl(s3.presigner, new PutObjectCommand({ Bucket, Key: 'torn' }))
  const torn = request(url, { method: 'PUT', headers: { 'content-length': 10_000_000 } })
  const broken = new Promise(resolve => torn.once('error', resolve))
  torn.write(randomBytes(1_000_000))
  await until(async () => (await pieces()).length === 1)
  torn.destroy()
  await broken
  await until(async () => (await pieces()).length === 0)
  await expect(read(s3.client, 'torn')).rejects.toMatchObject({ name: 'NoSuchKey' })
})

test('a reader that disconnects blocks nothing', async () => {
  await using s3 = await start()
  await put(s3.client, 'long', 'x'.repeat(20_000_000))
  const answer = await fetch(await getSignedUrl(s3.client, new GetObjectCommand({ Bucket, Key: 'long' })))
  await answer.body?.cancel()
  await put(s3.client, 'long', 'short')
  await until(async () => (await pieces()).length === 1)
  expect(await read(s3.client, 'long')).toBe('short')
})

test('URLs and policies expire by the given clock', async () => {
  const clock = { time: Date.UTC(2030, 0, 1) }
  await using s3 = await start({ now: () => clock.time })
  await put(s3.client, 'a', 'hello')
  const signingDate = new Date(clock.time)
  const url = await getSignedUrl(s3.client, new GetObjectCommand({ Bucket, Key: 'a' }), {
    expiresIn: 604_800,
    signingDate,
  })
  clock.time += 604_799_000
  expect((await fetch(url)).status).toBe(200)
  clock.time += 2000
  expect(await statusAndCode(fetch(url))).toBe('403 AccessDenied')
})

test('a signed request is valid for 15 minutes in either direction', async () => {
  const clock = { time: Date.now() }
  await using s3 = await start({ now: () => clock.time })
  // A new client each time, because the SDK adjusts its clock after a skewed request.
  const requestAt = async (ms: number) => {
    clock.time = Date.now() + ms
    const config = { endpoint: s3.endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 }
    const client = new S3Client(config)
    try {
      return await put(client, 'a', 'x').then(
        () => 'done',
        (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
      )
    } finally {
      client.destroy()
    }
  }
  expect(await requestAt(14 * 60_000)).toBe('done')
  expect(await requestAt(-14 * 60_000)).toBe('done')
  expect(await requestAt(16 * 60_000)).toBe('RequestTimeTooSkewed')
  expect(await requestAt(-16 * 60_000)).toBe('RequestTimeTooSkewed')
})

test('a bucket may also be a host name', async () => {
  await using s3 = await start()
  // Not every system resolves *.localhost, so the agent connects to the address itself.
  const httpAgent = new Agent({
    lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
  })
  const endpoint = `http://localhost:${s3.port}`
  const client = new S3Client({ endpoint, region, credentials, requestHandler: { httpAgent } })
  await put(client, 'by/host ü', 'hello')
  expect(await read(client, 'by/host ü')).toBe('hello')
  expect(await read(s3.client, 'by/host ü')).toBe('hello')
  client.destroy()
})

describe('signed chunks from the examples of the S3 documentation', () => {
  const now = () => Date.UTC(2013, 4, 24)
  const scope = 'Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'
  const chunks = (signatures: string[]) =>
    [Buffer.alloc(65_536, 'a'), Buffer.alloc(1024, 'a'), Buffer.alloc(0)].map((data, index) => ({
      head: `${data.length.toString(16)};chunk-signature=${signatures[index] ?? ''}\r\n`,
      data,
    }))
  const frame = (signatures: string[], trailer = '') =>
    chunks(signatures)
      .map(({ head, data }) => head + data.toString() + (data.length > 0 ? '\r\n' : ''))
      .join('') + `${trailer}\r\n`

  const send = (port: number, headers: Record<string, string>, body: string) =>
    new Promise<string>((resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', method: 'PUT', path: '/examplebucket/chunkObject.txt', headers })
      call.once('error', reject)
      call.once('response', answer => {
        text(answer).then(
          found => resolve(`${answer.statusCode ?? 0} ${/<Code>(\w+)/.exec(found)?.[1] ?? ''}`.trim()),
          reject,
        )
      })
      call.end(body)
    })

  const unsigned = {
    host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    authorization: `AWS4-HMAC-SHA256 ${scope},SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9`,
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '66560',
    'content-length': '66824',
  }
  const plainSignatures = [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ]

  const trailing = {
    host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    authorization: `AWS4-HMAC-SHA256 ${scope},SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e`,
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '66560',
    'x-amz-trailer': 'x-amz-checksum-crc32c',
  }
  const trailingSignatures = [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ]
  const trailer = (checksum: string, signature: string) =>
    `x-amz-checksum-crc32c:${checksum}\r\nx-amz-trailer-signature:${signature}\r\n`
  const trailerSignature = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435'

  test('are accepted', async () => {
    await using s3 = await start({ now, bucket: 'examplebucket' })
    expect(await send(s3.port, unsigned, frame(plainSignatures))).toBe('200')
    expect(await send(s3.port, trailing, frame(trailingSignatures, trailer('sOO8/Q==', trailerSignature)))).toBe('200')
    const putInput = { Bucket: 'examplebucket', Key: 'chunkObject.txt' }
    const { Body, ContentEncoding } = await s3.client.send(new GetObjectCommand(putInput))
    expect(await Body?.transformToString()).toBe('a'.repeat(66_560))
    expect(ContentEncoding).toBeUndefined()
  })

  test('are refused after a change of chunk, order, length or trailer', async () => {
    await using s3 = await start({ now, bucket: 'examplebucket' })
    const good = frame(plainSignatures)
    const mismatch = '403 SignatureDoesNotMatch'
    expect(await send(s3.port, unsigned, good.replace('aaaa', 'aaab'))).toBe(mismatch)
    expect(await send(s3.port, unsigned, frame([...plainSignatures].reverse()))).toBe(mismatch)
    expect(await send(s3.port, unsigned, good.replace('10000;', 'zz00;;'))).toBe('400 IncompleteBody')
    expect(await send(s3.port, trailing, frame(trailingSignatures, trailer('AAAAAA==', trailerSignature)))).toBe(
      mismatch,
    )
    expect(await send(s3.port, trailing, frame(trailingSignatures))).toBe('400 MalformedTrailerError')
    await until(async () => (await pieces()).length === 0)
  })
})

describe('malformed requests', () => {
  const raw = (port: number, bytes: string | Buffer) =>
    new Promise<string>(resolve => {
      const socket = connect(port, '127.0.0.1')
      let answer = ''
      socket.on('data', chunk => (answer += chunk.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(answer.split('\r\n')[0] ?? ''))
      socket.end(bytes)
    })
  const line = (start: string, more = '') => `${start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`
  const form = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: '

  test.each([
    ['not HTTP', randomBytes(1000), /^HTTP\/1.1 400|^$/],
    ['broken escapes', line('GET /%zz%'), /400/],
    ['broken UTF-8', line('GET /a/%ff%fe'), /400/],
    ['an absolute URL', line('GET http://other/a'), /400/],
    ['dots', line('GET /../../etc/passwd'), /403/],
    ['an empty signature', line('GET /a/b?X-Amz-Signature'), /400/],
    ['a malformed credential', line('GET /a/b', 'Authorization: AWS4-HMAC-SHA256 Credential=/////,=\r\n'), /400/],
    ['a nameless bucket', line('OPTIONS //', 'Origin: a\r\nAccess-Control-Request-Method: GET\r\n'), /403/],
    ['an unsupported method', line('PROPFIND /'), /403/],
    ['CONNECT', line('CONNECT x:1'), /^$/],
    ['a malformed form', `${line(`POST /${Bucket}`, `${form}4\r\n`)}xxxx`, /400/],
    ['a truncated form', `${line(`POST /${Bucket}`, `${form}400\r\n`)}--b\r\nContent-Dis`, /^$|400/],
    ['a form without names', `${line(`POST /${Bucket}`, `${form}11\r\n`)}--b\r\nA: b\r\n\r\n`, /400/],
    ['endless headers', line('GET /', `X: ${'x'.repeat(100_000)}\r\n`), /431|400/],
  ])('%s gets a response or a closed connection, and the next request works', async (_name, bytes, expected) => {
    await using s3 = await start()
    expect(await raw(s3.port, bytes)).toMatch(expected)
    await put(s3.client, 'still', 'here')
    expect(await read(s3.client, 'still')).toBe('here')
  })

  test.each([
    '',
    'not XML',
    '<CompleteMultipartUpload>',
    '<a></b>',
    '<!DOCTYPE x [<!ENTITY a "b">]><CompleteMultipartUpload>&a;</CompleteMultipartUpload>',
    `${'<a>'.repeat(20)}${'</a>'.repeat(20)}`,
    '<CompleteMultipartUpload><Part><ETag>a&b</ETag></Part></CompleteMultipartUpload>',
  ])('%s is rejected as XML', async body => {
    await using s3 = await start()
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'a' }))
    const command = new CompleteMultipartUploadCommand({ Bucket, Key: 'a', UploadId })
    const url = await getSignedUrl(s3.presigner, command)
    expect(await statusAndCode(fetch(url, { method: 'POST', body }))).toBe('400 MalformedXML')
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}

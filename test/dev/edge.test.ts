import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get, request as send, type IncomingMessage } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { startEdge, type Edge, type EdgeOptions } from '../../dev/edge'
import { generateSigningKeys } from '../../dev/edge/signing-keys'
import { startS3 } from '../../dev/s3'

const access = { region: 'eu-central-1', accessKeyId: 'edge-test', secretAccessKey: 'edge-test-secret' }
const bucket = 'media'
const keys = generateSigningKeys()
const ec = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const publicKeys = { KRSA: keys.publicKey, KEC: ec.publicKey }
const signer = { keyPairId: 'KRSA', privateKey: keys.privateKey }

const pictureId = randomUUID()
const song = randomBytes(100_000)
const long = randomBytes(48_000_000)
// A whole second, since the signer rounds to one.
const thisSecond = () => Math.floor(Date.now() / 1000) * 1000
let now = thisSecond()
const inMinutes = (minutes: number) => new Date(now + minutes * 60_000)

let folder: string
let origin: Awaited<ReturnType<typeof startS3>>
let edge: Edge

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edge-'))
  origin = await startS3({ folder, ...access })
  edge = await openEdge({ now: () => now })

  const s3 = new S3Client({
    endpoint: origin.endpoint,
    region: access.region,
    credentials: access,
    forcePathStyle: true,
  })
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  const put = (Key: string, Body: Buffer | string, ContentType: string) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType, CacheControl: 'max-age=60' }))
  await put('audio/song.mp3', song, 'audio/mpeg')
  await put(`pictures/${pictureId}/500.webp`, 'a picture', 'image/webp')
  await put('audio/empty.mp3', Buffer.alloc(0), 'audio/mpeg')
  await put('audio/long.flac', long, 'audio/flac')
  await put('audio/two words + a héart.mp3', 'spaces', 'audio/mpeg')
  await put('hls/track-1/index.m3u8', 'one', 'application/vnd.apple.mpegurl')
  await put('hls/track-2/index.m3u8', 'two', 'application/vnd.apple.mpegurl')
  s3.destroy()
})

afterAll(async () => {
  await edge[Symbol.asyncDispose]()
  await origin[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

afterEach(() => void (now = thisSecond()))

const openEdge = (options: Partial<EdgeOptions> = {}, endpoint = origin.endpoint) =>
  startEdge({ publicKeys, origin: { endpoint, bucket, ...access }, ...options })

const sign = (path: string, at: Edge = edge) =>
  getSignedUrl({ ...signer, url: `${at.url}${path}`, dateLessThan: inMinutes(10) })

const policyFor = (resource: string, more: object = {}) =>
  JSON.stringify({
    Statement: [
      {
        Resource: resource,
        Condition: { DateLessThan: { 'AWS:EpochTime': Math.round(inMinutes(10).getTime() / 1000) }, ...more },
      },
    ],
  })

const cookiesOf = (cookies: object) =>
  Object.entries(cookies)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('; ')

async function expectRefusal(response: Response, status: number, code: string): Promise<void> {
  expect(response.status).toBe(status)
  expect(await response.text()).toContain(`<Error><Code>${code}</Code><Message>`)
  expect(response.headers.get('content-type')).toBe('text/xml')
}

/** Requests a path as written, which fetch would normalize. */
async function asWritten(path: string): Promise<IncomingMessage> {
  const outgoing = get({ port: edge.port, host: '127.0.0.1', path })
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

describe('a signed URL', () => {
  it('returns the object as stored', async () => {
    const response = await fetch(sign('/audio/song.mp3'))
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=60',
      'content-length': '100000',
      'content-type': 'audio/mpeg',
      etag: `"${createHash('md5').update(song).digest('hex')}"`,
      'access-control-allow-origin': '*',
    })
    expect(Buffer.from(await response.arrayBuffer()).equals(song)).toBe(true)
  })

  it('returns an empty object', async () => {
    const response = await fetch(sign('/audio/empty.mp3'))
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '0'])
  })

  it('matches spaces, plus signs and accents in a key, whatever the query', async () => {
    const plusPath = await fetch(sign('/audio/two words + a héart.mp3'))
    expect(await plusPath.text()).toBe('spaces')
    const queried = await fetch(sign('/audio/two%20words%20%2B%20a%20h%C3%A9art.mp3?name=a+b%20c&v=1'))
    expect(await queried.text()).toBe('spaces')
  })

  it('treats a plus in a path as a space, like S3', async () => {
    const url = `${edge.url}/audio/two+words+%2B+a+h%C3%A9art.mp3`
    const signed = getSignedUrl({ ...signer, url, policy: policyFor(url) }).replace(/^.*\?/, `${url}?`)
    expect(await (await fetch(signed)).text()).toBe('spaces')
  })

  it('may be signed with SHA-256 and with EC P-256', async () => {
    const url = `${edge.url}/hls/track-1/index.m3u8`
    for (const key of [signer, { keyPairId: 'KEC', privateKey: ec.privateKey }]) {
      const signed = getSignedUrl({ ...key, url, dateLessThan: inMinutes(10), algorithm: 'SHA256' })
      expect(await (await fetch(signed)).text()).toBe('one')
    }
  })

  it('is refused after its expiry', async () => {
    const signed = sign('/audio/song.mp3')
    now += 10 * 60_000
    await expectRefusal(await fetch(signed), 403, 'AccessDenied')
  })

  it('is refused if its path, expiry or signature was changed', async () => {
    const signed = sign('/hls/track-1/index.m3u8')
    await expectRefusal(await fetch(signed.replace('track-1', 'track-2')), 403, 'AccessDenied')
    await expectRefusal(await fetch(signed.replace(/Expires=\d+/, 'Expires=4102444800')), 403, 'AccessDenied')
    const changed = signed.replace(/Signature=(.)/, (_, first) => `Signature=${first === 'A' ? 'B' : 'A'}`)
    await expectRefusal(await fetch(changed), 403, 'AccessDenied')
  })

  it('is valid for this host only', async () => {
    const signed = sign('/audio/song.mp3').replace('127.0.0.1', 'localhost')
    await expectRefusal(await fetch(signed), 403, 'AccessDenied')
  })

  it('may be limited to an IP address', async () => {
    const url = `${edge.url}/hls/track-1/index.m3u8`
    const only = (ipAddress: string) => getSignedUrl({ ...signer, url, dateLessThan: inMinutes(10), ipAddress })
    expect((await fetch(only('127.0.0.0/8'))).status).toBe(200)
    await expectRefusal(await fetch(only('10.0.0.0/8')), 403, 'AccessDenied')
  })

  it('with a wildcard grants one track and no other, also through dot segments', async () => {
    const resource = `${edge.url}/hls/track-1/*`
    const signed = getSignedUrl({ ...signer, url: `${edge.url}/hls/track-1/index.m3u8`, policy: policyFor(resource) })
    const query = new URL(signed).search
    expect(await (await fetch(signed)).text()).toBe('one')
    await expectRefusal(await fetch(`${edge.url}/hls/track-2/index.m3u8${query}`), 403, 'AccessDenied')
    for (const path of ['/hls/track-1/../track-2/index.m3u8', '/hls/track-1/%2e%2e/track-2/index.m3u8']) {
      const response = await asWritten(path + query)
      expect(await text(response)).not.toBe('two')
      expect(response.statusCode).toBeGreaterThanOrEqual(400)
    }
  })
})

describe('signed cookies', () => {
  it('grant what their policy matches', async () => {
    const cookie = cookiesOf(getSignedCookies({ ...signer, policy: policyFor(`${edge.url}/hls/track-1/*`) }))
    expect(await (await fetch(`${edge.url}/hls/track-1/index.m3u8`, { headers: { cookie } })).text()).toBe('one')
    const other = await fetch(`${edge.url}/hls/track-2/index.m3u8`, { headers: { cookie } })
    await expectRefusal(other, 403, 'AccessDenied')
  })

  it('grant one URL until they expire', async () => {
    const url = `${edge.url}/hls/track-1/index.m3u8`
    const cookie = cookiesOf(getSignedCookies({ ...signer, url, dateLessThan: inMinutes(10) }))
    expect(await (await fetch(url, { headers: { cookie } })).text()).toBe('one')
    now += 10 * 60_000
    await expectRefusal(await fetch(url, { headers: { cookie } }), 403, 'AccessDenied')
  })

  it('are refused with a forged policy', async () => {
    const cookies = getSignedCookies({ ...signer, policy: policyFor(`${edge.url}/hls/track-1/*`) })
    const forged = Buffer.from(policyFor('*')).toString('base64').replaceAll('=', '_')
    const cookie = cookiesOf({ ...cookies, 'CloudFront-Policy': forged })
    await expectRefusal(await fetch(`${edge.url}/audio/song.mp3`, { headers: { cookie } }), 403, 'AccessDenied')
  })
})

describe('response headers requested by the signer', () => {
  const signedHeaders = '/audio/song.mp3?response-content-disposition=attachment%3B%20filename%3D%22a%20b.mp3%22'

  it('are returned for whole objects, ranges and HEAD', async () => {
    for (const init of [{}, { method: 'HEAD' }, { headers: { range: 'bytes=0-9' } }]) {
      const { headers, status } = await fetch(sign(signedHeaders), init)
      expect(headers.get('content-disposition')).toBe('attachment; filename="a b.mp3"')
      expect([status, headers.get('content-type')]).toEqual(['headers' in init ? 206 : 200, 'audio/mpeg'])
    }
  })

  it('cannot set the media type or caching', async () => {
    const overridden = await fetch(
      sign('/audio/song.mp3?response-content-type=text%2Fhtml&response-cache-control=no-store'),
    )
    expect([overridden.headers.get('content-type'), overridden.headers.get('cache-control')]).toEqual([
      'audio/mpeg',
      'max-age=60',
    ])
    const overrides = 'response-content-type=text%2Fhtml&response-content-disposition=attachment'
    const picture = await fetch(`${edge.url}/pictures/${pictureId}/500.webp?${overrides}`)
    expect([picture.headers.get('content-type'), picture.headers.get('content-disposition')]).toEqual([
      'image/webp',
      null,
    ])
  })

  it('leave nosniff on every response', async () => {
    for (const url of [sign('/audio/song.mp3'), `${edge.url}/pictures/${pictureId}/500.webp`, sign('/audio/none.mp3')])
      for (const method of ['GET', 'HEAD']) {
        const response = await fetch(url, { method })
        await response.arrayBuffer()
        expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      }
  })

  it('cannot be added by anyone else', async () => {
    await expectRefusal(await fetch(sign(signedHeaders).replace('a%20b', 'b%20a')), 403, 'AccessDenied')
    const added = sign('/audio/song.mp3').replace('?', '?response-content-type=text%2Fhtml&')
    await expectRefusal(await fetch(added), 403, 'AccessDenied')
  })
})

describe('ranges', () => {
  it.each([
    ['the first bytes', 'bytes=0-9', 0, 9],
    ['bytes in the middle', 'bytes=50000-50999', 50_000, 50_999],
    ['an open-ended range', 'bytes=99000-', 99_000, 99_999],
    ['the last bytes', 'bytes=-10', 99_990, 99_999],
    ['more than the object has', 'bytes=99990-200000', 99_990, 99_999],
    ['a suffix longer than the object', 'bytes=-200000', 0, 99_999],
  ])('return %s', async (_, range, first, last) => {
    const response = await fetch(sign('/audio/song.mp3'), { headers: { range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${first}-${last}/100000`)
    expect(response.headers.get('content-length')).toBe(String(last - first + 1))
    expect(Buffer.from(await response.arrayBuffer()).equals(song.subarray(first, last + 1))).toBe(true)
  })

  it('beyond the end are refused with the size', async () => {
    const response = await fetch(sign('/audio/song.mp3'), { headers: { range: 'bytes=100000-' } })
    expect(response.headers.get('content-range')).toBe('bytes */100000')
    await expectRefusal(response, 416, 'InvalidRange')
  })

  it.each(['bytes=9-0', 'bytes=-', 'bytes=a-b', 'bytes=0-1,5-6', 'lines=1-2'])(
    'written as %s return the whole object',
    async range => {
      const response = await fetch(sign('/audio/song.mp3'), { headers: { range } })
      expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([200, 100_000])
    },
  )

  it('apply only while the validator matches the object', async () => {
    const url = sign('/audio/song.mp3')
    const { headers } = await fetch(url, { method: 'HEAD' })
    const fetchIfRange = async (validator: string) => {
      const response = await fetch(url, { headers: { range: 'bytes=0-9', 'if-range': validator } })
      return [response.status, (await response.arrayBuffer()).byteLength]
    }
    expect(await fetchIfRange(headers.get('etag') ?? '')).toEqual([206, 10])
    expect(await fetchIfRange(headers.get('last-modified') ?? '')).toEqual([206, 10])
    expect(await fetchIfRange('"another"')).toEqual([200, 100_000])
    expect(await fetchIfRange('Tue, 01 Jan 2030 00:00:00 GMT')).toEqual([200, 100_000])
  })
})

describe('conditional requests', () => {
  it('return 304 for a cached object', async () => {
    const url = sign('/audio/song.mp3')
    const { headers } = await fetch(url, { method: 'HEAD' })
    const etag = headers.get('etag') ?? ''
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(url, { method, headers: { 'if-none-match': etag } })
      expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, etag, ''])
    }
    const since = await fetch(url, { headers: { 'if-modified-since': headers.get('last-modified') ?? '' } })
    expect(since.status).toBe(304)
    expect((await fetch(url, { method: 'HEAD', headers: { 'if-none-match': '"another"' } })).status).toBe(200)
  })

  it('are refused if the condition fails', async () => {
    const response = await fetch(sign('/audio/song.mp3'), { headers: { 'if-match': '"another"' } })
    await expectRefusal(response, 412, 'PreconditionFailed')
  })
})

describe('methods', () => {
  it('HEAD responds like GET, without a body', async () => {
    const url = sign('/audio/song.mp3')
    const [head, whole] = [await fetch(url, { method: 'HEAD' }), await fetch(url)]
    const named = (response: Response) =>
      ['content-length', 'content-type', 'etag', 'last-modified', 'accept-ranges'].map(name =>
        response.headers.get(name),
      )
    expect(head.status).toBe(200)
    expect(named(head)).toEqual(named(whole))
    expect(await head.text()).toBe('')
    await whole.arrayBuffer()
  })

  it('HEAD of a missing object is 404', async () => {
    expect((await fetch(sign('/audio/none.mp3'), { method: 'HEAD' })).status).toBe(404)
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is not allowed, signed or not', async method => {
    const response = await fetch(sign('/audio/song.mp3'), { method })
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    await expectRefusal(response, 405, 'MethodNotAllowed')
  })
})

describe('cross-origin pages', () => {
  const page = 'https://tutti.example.org'

  it('may read sizes and ranges, also of a refusal', async () => {
    const response = await fetch(`${edge.url}/audio/song.mp3`, { headers: { origin: page } })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
    const exposed = response.headers.get('access-control-expose-headers')?.split(', ')
    expect(exposed).toEqual(['Content-Range', 'Accept-Ranges', 'Content-Length', 'ETag'])
    await expectRefusal(response, 403, 'MissingKey')
  })

  it('may send cookies only if their origin is listed', async () => {
    await using strict = await openEdge({ allowedOrigins: [page] })
    const headFrom = (from: string) =>
      fetch(`${strict.url}/audio/song.mp3`, { method: 'HEAD', headers: { origin: from } })
    const [named, notAllowed] = [await headFrom(page), await headFrom('https://elsewhere.example.org')]
    expect(named.headers.get('access-control-allow-origin')).toBe(page)
    expect(named.headers.get('access-control-allow-credentials')).toBe('true')
    expect(notAllowed.headers.get('access-control-allow-origin')).toBeNull()
    expect(notAllowed.headers.get('vary')).toBe('Origin')
  })

  it('are told by the preflight what they may request', async () => {
    const headers = { origin: page, 'access-control-request-method': 'GET', 'access-control-request-headers': 'range' }
    const response = await fetch(`${edge.url}/audio/song.mp3`, { method: 'OPTIONS', headers })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD')
    expect(response.headers.get('access-control-allow-headers')).toContain('Range')
  })
})

describe('errors', () => {
  it('a missing object is 404', async () => {
    await expectRefusal(await fetch(sign('/audio/none.mp3')), 404, 'NoSuchKey')
  })

  it('the root path is not an object', async () => {
    await expectRefusal(await fetch(sign('/')), 403, 'AccessDenied')
  })

  it.each([
    ['/audio/song.mp3', 'MissingKey'],
    ['/audio/song.mp3?Expires=1&Signature=A&Key-Pair-Id=KNOBODY', 'InvalidKey'],
    ['/audio/song.mp3?Expires=1&Signature=!!&Key-Pair-Id=KRSA', 'MalformedSignature'],
    ['/audio/song.mp3?Expires=never&Signature=AAAA&Key-Pair-Id=KRSA', 'MalformedPolicy'],
    ['/audio/song.mp3?Policy=%%%&Signature=AAAA&Key-Pair-Id=KRSA', 'MalformedPolicy'],
    ['/%ff%?&&&=&Signature&Key-Pair-Id&=', 'MissingKey'],
    ['//audio//../?Signature=&Key-Pair-Id=KRSA', 'MalformedSignature'],
  ])('%s is refused as %s', async (path, code) => {
    const response = await asWritten(path)
    expect(response.statusCode).toBe(403)
    expect(await text(response)).toContain(`<Code>${code}</Code>`)
  })

  it('a path with invalid UTF-8 is 400, even if it is signed', async () => {
    const query = new URL(getSignedUrl({ ...signer, url: edge.url, policy: policyFor('*') })).search
    const response = await asWritten(`/audio/%ff.mp3${query}`)
    expect(response.statusCode).toBe(400)
    expect(await text(response)).toContain('<Code>InvalidURI</Code>')
  })

  it('returns an error while the origin is unavailable', async () => {
    await using unreachable = await openEdge({}, 'http://127.0.0.1:1')
    await expectRefusal(await fetch(sign('/audio/song.mp3', unreachable)), 502, 'BadGateway')
  })

  it('an edge does not start with an invalid key', async () => {
    await expect(openEdge({ publicKeys: { K: 'no key' } })).rejects.toThrow()
    const { publicKey } = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    await expect(openEdge({ publicKeys: { K: publicKey } })).rejects.toThrow('neither RSA nor EC')
  })
})

/** A proxy between edge and origin that counts response bytes and can be cut. */
async function startOriginProxy() {
  const originProxy = { bytes: 0, sockets: new Set<Socket>(), closed: 0 }
  const target = Number(new URL(origin.endpoint).port)
  const server = createServer(near => {
    const far = connect(target, '127.0.0.1')
    originProxy.sockets.add(near)
    far.on('data', chunk => (originProxy.bytes += chunk.length))
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.on('close', () => {
      originProxy.closed++
      originProxy.sockets.delete(near)
      far.destroy()
      server.emit('line closed')
    })
    far.on('close', () => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${port}`,
    server,
    traffic: originProxy,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of originProxy.sockets) socket.destroy()
      await closed
    },
  }
}

describe('a long object', () => {
  it('is transferred whole', async () => {
    const response = await fetch(sign('/audio/long.flac'))
    expect(Buffer.from(await response.arrayBuffer()).equals(long)).toBe(true)
  })

  it('is no longer fetched when the viewer disconnects', async () => {
    await using edgeOverProxy = await startOriginProxy()
    await using far = await openEdge({}, edgeOverProxy.endpoint)
    const closed = once(edgeOverProxy.server, 'line closed')
    const outgoing = get(sign('/audio/long.flac', far))
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    await once(response, 'readable')
    outgoing.destroy()
    await closed
    expect(edgeOverProxy.traffic.bytes).toBeLessThan(long.length)
  })

  it('is aborted, not ended, when the origin aborts', async () => {
    await using edgeOverProxy = await startOriginProxy()
    await using far = await openEdge({}, edgeOverProxy.endpoint)
    const response = await fetch(sign('/audio/long.flac', far))
    expect(response.status).toBe(200)
    for (const socket of edgeOverProxy.traffic.sockets) socket.destroy()
    await expect(response.arrayBuffer()).rejects.toThrow()
  })

  it('does not delay the edge from closing', async () => {
    const shortLived = await openEdge()
    const outgoing = send(sign('/audio/long.flac', shortLived)).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    const broken = expect(buffer(response)).rejects.toThrow()
    await shortLived[Symbol.asyncDispose]()
    await broken
  })
})

describe('a picture', () => {
  it('is public without a signature', async () => {
    const path = `/pictures/${pictureId}/500.webp`
    for (const pathname of [path, `${path}?v=2`]) {
      const response = await fetch(edge.url + pathname)
      expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
        ...[200, 'image/webp', 'a picture'],
      ])
    }
    expect((await fetch(`${edge.url}/pictures/${pictureId}/250.webp`)).status).toBe(404)
  })

  it('grants no access to anything else', async () => {
    for (const path of [
      '/audio/song.mp3',
      `/pictures/${pictureId}/../../audio/song.mp3`,
      '/pictures/../audio/song.mp3',
      '/pictures/%2e%2e/audio/song.mp3',
      `/pictures/${pictureId}/500.webp/../../../audio/song.mp3`,
      `//pictures/${pictureId}/500.webp`,
      '/pictures/',
      `/Pictures/${pictureId}/500.webp`,
    ])
      expect([path, (await asWritten(path)).statusCode]).toEqual([path, 403])
  })
})

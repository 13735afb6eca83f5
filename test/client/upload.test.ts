import { createServer } from 'node:http'
import { once } from 'node:events'
import { type AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import { putFile } from '../../client/uploads/put-file'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, problemOf, withoutBackoff } from './open-client'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())
afterEach(() => void jest.restoreAllMocks())

const fields = { fileName: 'song.wav', contentType: 'audio/wav', title: 'Song' } as const

describe('an upload', () => {
  it('is initiated, sent and reported as finished', async () => {
    const ann = await testApp.signIn('ann')
    using client = openClient({ url: ann.url, token: ann.token })
    const file = randomBytes(300_000)
    const progress: number[] = []
    const { upload, duplicateOf } = await client.upload(file, fields, {
      onProgress: (sentBytes, totalBytes) => progress.push(sentBytes / totalBytes),
    })
    expect(upload).toMatchObject({ state: 'uploaded', fileName: 'song.wav', sizeBytes: 300_000 })
    expect(upload.trackId).not.toBeNull()
    expect(duplicateOf).toBeNull()
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.length).toBeGreaterThan(1)
    expect(progress.at(-1)).toBe(1)
  })

  it('accepts a Blob, as in browsers', async () => {
    const ben = await testApp.signIn('ben')
    using client = openClient({ url: ben.url, token: ben.token, transports: ['long-poll'] })
    const { upload } = await client.upload(new Blob([randomBytes(1_000)]), fields)
    expect(upload).toMatchObject({ state: 'uploaded', sizeBytes: 1_000 })
  })

  it('is withdrawn if its file cannot be sent', async () => {
    withoutBackoff()
    await using lame = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: 'http://127.0.0.1:9' } })
    const ann = await lame.signIn('ann')
    using client = openClient({ url: ann.url, token: ann.token })
    expect(await problemOf(client.upload(randomBytes(10), fields))).toMatchObject({ code: 'upload_failed', status: 0 })
    const { data } = await client.callPage('music-upload.listUploads', {})
    expect(data.map(({ state }) => state)).toEqual(['aborted'])
  })

  it("rejects with the server's problem before anything is sent", async () => {
    const cleo = await testApp.signIn('cleo')
    using client = openClient({ url: cleo.url, token: cleo.token })
    const problem = await problemOf(client.upload(randomBytes(10), { ...fields, fileName: '' }))
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'fileName' }] })
  })
})

describe('putFile', () => {
  it('sends exactly the bytes, their length and the headers, and returns the status', async () => {
    const received: {
      length?: string | undefined
      encoding?: string | undefined
      type?: string | undefined
      bytes: number
    }[] = []
    const server = createServer((request, response) => {
      let bytes = 0
      request.on('data', (chunk: Buffer) => (bytes += chunk.byteLength))
      request.on('end', () => {
        const { 'content-length': length, 'transfer-encoding': encoding, 'content-type': type } = request.headers
        received.push({ length, encoding, type, bytes })
        response.writeHead(412).end('already there')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
    const target = { url, headers: { 'content-type': 'audio/flac' } }
    expect(await putFile(target, new Blob([randomBytes(100_000)]), () => undefined)).toBe(412)
    expect(received).toEqual([{ length: '100000', encoding: undefined, type: 'audio/flac', bytes: 100_000 }])
    server.close()
    await once(server, 'close')
    await expect(putFile(target, new Blob(['x']), () => undefined)).rejects.toThrow()
  })

  it('uses XMLHttpRequest where it exists, and aborts with the signal', async () => {
    const sent: FakeRequest[] = []
    class FakeRequest {
      readonly upload: { onprogress?: (progress: { loaded: number }) => void } = {}
      readonly headers: string[] = []
      status = 0
      onload?: () => void
      onabort?: () => void
      open(method: string, url: string) {
        this.headers.push(`${method} ${url}`)
      }
      setRequestHeader(name: string, value: string) {
        this.headers.push(`${name}: ${value}`)
      }
      send() {
        sent.push(this)
      }
      abort() {
        this.onabort?.()
      }
    }
    const browser = globalThis as { XMLHttpRequest?: unknown }
    browser.XMLHttpRequest = FakeRequest
    try {
      const target = { url: 'http://store/x', headers: { 'content-type': 'audio/flac' } }
      const progress: number[] = []
      const put = putFile(target, new Blob(['abc']), bytes => progress.push(bytes))
      sent[0]?.upload.onprogress?.({ loaded: 2 })
      const [first] = sent
      if (first !== undefined) first.status = 200
      first?.onload?.()
      expect(await put).toBe(200)
      expect([sent[0]?.headers, progress]).toEqual([['PUT http://store/x', 'content-type: audio/flac'], [2]])

      const ending = new AbortController()
      const sending = putFile(target, new Blob(['abc']), () => undefined, ending.signal)
      ending.abort()
      await expect(sending).rejects.toThrow()
      await expect(putFile(target, new Blob(['abc']), () => undefined, ending.signal)).rejects.toThrow()
    } finally {
      delete browser.XMLHttpRequest
    }
  })
})

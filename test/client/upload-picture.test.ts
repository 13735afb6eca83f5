import { plainPng } from '../make-pictures'
import { createTestApp, type TestApp } from '../test-app'
import { type FaultInjectingStore, startFaultInjectingStore } from '../skills/music-upload/fault-injecting-store'
import { openClient, problemOf, waitUntil, withoutBackoff } from './open-client'

let testApp: TestApp
let store: FaultInjectingStore
beforeAll(async () => {
  store = await startFaultInjectingStore()
  testApp = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: store.endpoint } })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})
beforeEach(() => Object.assign(store, { acceptedParts: [], partFault: () => 'pass' }))
afterEach(() => void jest.restoreAllMocks())

const fields = { purpose: 'avatar', fileName: 'me.png', contentType: 'image/png' } as const

it.each([{ transports: ['socket'] as const }, { transports: ['long-poll'] as const }])(
  'uploads a picture and reports its progress, over $transports',
  async ({ transports }) => {
    const ann = await testApp.signIn(`ann-${transports[0]}`)
    using client = openClient({ url: ann.url, token: ann.token, transports })
    const progress: number[] = []
    const png = await plainPng()
    const picture = await client.uploadPicture(png, fields, {
      onProgress: (sent, total) => progress.push(sent / total),
    })
    expect(picture).toMatchObject({ state: 'uploaded', purpose: 'avatar', sizeBytes: png.length })
    expect(progress.at(-1)).toBe(1)
    await testApp.runJobs()
    const { avatar } = await client.call('user-profile.getMe', {})
    if (avatar === null) throw new Error('expected an avatar')
    expect(avatar.id).toBe(picture.id)

    for (const format of ['webp', 'jpg'] as const) {
      const response = await fetch(client.pictureUrl(avatar, 500, format))
      expect([response.status, response.headers.get('content-type')]).toEqual([
        200,
        format === 'jpg' ? 'image/jpeg' : 'image/webp',
      ])
    }
    expect(client.pictureUrl(avatar, 250)).toMatch(/\/250\.webp$/)
    // The call returns the URL instead of following the redirect.
    const file = await client.call('pictures.getPictureFile', { pictureId: avatar.id, file: '250.webp' })
    expect(file.url).toContain(avatar.id)
  },
)

it('repeats a rejected picture upload, with a new URL if the first has expired', async () => {
  const cleo = await testApp.signIn('cleo')
  using client = openClient({ url: cleo.url, token: cleo.token, transports: ['long-poll'] })
  withoutBackoff()
  const faults = ['deny', 'spoil', 'lose'] as const
  let attempts = 0
  store.partFault = () => faults[(attempts += 1) - 1] ?? 'pass'
  const progress: number[] = []
  const png = await plainPng()
  const picture = await client.uploadPicture(png, fields, { onProgress: sentBytes => progress.push(sentBytes) })
  expect(picture.state).toBe('uploaded')
  expect([attempts, store.acceptedParts]).toEqual([4, [0]])
  expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
  expect(progress.at(-1)).toBe(png.length)
})

it('withdraws a canceled picture, and keeps the previous one', async () => {
  const dora = await testApp.signIn('dora')
  using client = openClient({ url: dora.url, token: dora.token })
  const response = await client.uploadPicture(await plainPng(), fields)
  await testApp.runJobs()
  const progress = await dora.recordEvents(`user:${dora.id}`)
  let attempts = 0
  store.partFault = () => {
    attempts += 1
    return 'hold'
  }
  const cancelling = new AbortController()
  const ended = problemOf(client.uploadPicture(await plainPng(), fields, { signal: cancelling.signal }))
  await waitUntil('the request has started', () => attempts === 1)
  cancelling.abort()
  expect(await ended).toMatchObject({ code: 'upload_canceled', status: 0 })
  await progress.waitFor('pictures.pictureChanged', ({ picture }) => (picture as { state: string }).state === 'aborted')
  store.closeHeldRequests()
  await testApp.runJobs()
  expect((await client.call('user-profile.getMe', {})).avatar?.id).toBe(response.id)
})

// Keep this last: models bind to one database per process.
it("withdraws a picture that cannot be sent, and rejects with the server's problem", async () => {
  const ben = await testApp.signIn('ben')
  using client = openClient({ url: ben.url, token: ben.token })
  const problem = await problemOf(client.uploadPicture(new Blob([]), fields))
  expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'sizeBytes' }] })
  withoutBackoff()
  await using withoutStore = await createTestApp({ nodes: 1, variables: { S3_ENDPOINT: 'http://127.0.0.1:9' } })
  const ann = await withoutStore.signIn('ann')
  const progress = await ann.recordEvents(`user:${ann.id}`)
  using other = openClient({ url: ann.url, token: ann.token })
  expect(await problemOf(other.uploadPicture(await plainPng(), fields))).toMatchObject({ code: 'upload_failed' })
  await progress.waitFor('pictures.pictureChanged', ({ picture }) => (picture as { state: string }).state === 'aborted')
})

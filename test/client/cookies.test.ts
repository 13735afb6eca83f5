import { grantStream } from '../../skills/streaming/grant-stream'
import { registry } from '../../skills'
import { hasField } from '../../kernel/pipeline/schema-inspection'
import { makeStreamableTrack } from '../make-streamable-track'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, waitUntil } from './open-client'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())
afterEach(() => void jest.restoreAllMocks())

it('requests cookies over REST with credentials, and sends no credentials otherwise', async () => {
  const ann = await testApp.signIn('ann')
  const { track } = await makeStreamableTrack(testApp.app, ann.id, { seconds: 1 })
  using client = openClient({ url: ann.url, token: ann.token })
  await waitUntil('the socket is connected', () => client.transport() === 'socket')
  const fetched = jest.spyOn(globalThis, 'fetch')
  const trackId = track.id
  const grant = await client.call('streaming.grantStream', { trackId, delivery: 'cookies' })
  expect(grant).toMatchObject({ delivery: 'cookies' })
  expect(grant.cookies).toHaveLength(3)
  const [[, request] = []] = fetched.mock.calls
  expect(request).toMatchObject({ method: 'POST', credentials: 'include' })
  const response = (await fetched.mock.results[0]?.value) as Response
  expect(response.headers.getSetCookie().map(line => line.split('=')[0])).toEqual(grant.cookies.map(({ name }) => name))

  expect(await client.call('streaming.grantStream', { trackId })).toMatchObject({ delivery: 'url' })
  expect(fetched).toHaveBeenCalledTimes(1)
  using slow = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
  await slow.call('streaming.grantStream', { trackId, delivery: 'url' })
  await slow.call('tracks.getTrack', { trackId })
  // Other responses allow no credentials: a browser would not let the page read them.
  expect(fetched.mock.calls.slice(1).map(([, sent]) => sent?.credentials)).toEqual([undefined, undefined])
})

it('recognizes the calls that set cookies by their `delivery` field', () => {
  const withDelivery = registry.operations.filter(({ input }) => hasField(input, 'delivery')).map(({ name }) => name)
  const withCookies = registry.operations.filter(({ cookies }) => cookies !== undefined).map(({ name }) => name)
  expect(withCookies).toEqual([grantStream.name])
  expect(withDelivery).toEqual(withCookies)
})

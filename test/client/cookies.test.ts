import { grantStream } from '../../skills/streaming/grant-stream'
import { registry } from '../../skills'
import { hasField } from '../../kernel/pipeline/schema'
import { makeStreamableTrack } from '../make-streamable-track'
import { createTestApp, type TestApp } from '../test-app'
import { openClient, waitUntil } from './open-client'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())
afterEach(() => void jest.restoreAllMocks())

it('asks for cookies over REST, as browsers keep them: with credentials, and for nothing else so', async () => {
  const ann = await testApp.signIn('ann')
  const { track } = await makeStreamableTrack(testApp.app, ann.id, { seconds: 1 })
  using client = openClient({ url: ann.url, token: ann.token })
  await waitUntil('there is a socket', () => client.transport() === 'socket')
  const fetched = jest.spyOn(globalThis, 'fetch')
  const trackId = track.id
  const grant = await client.call('streaming.grantStream', { trackId, delivery: 'cookies' })
  expect(grant).toMatchObject({ delivery: 'cookies' })
  expect(grant.cookies).toHaveLength(3)
  const [[, asked] = []] = fetched.mock.calls
  expect(asked).toMatchObject({ method: 'POST', credentials: 'include' })
  const answer = (await fetched.mock.results[0]?.value) as Response
  expect(answer.headers.getSetCookie().map(line => line.split('=')[0])).toEqual(grant.cookies.map(({ name }) => name))

  expect(await client.call('streaming.grantStream', { trackId })).toMatchObject({ delivery: 'url' })
  expect(fetched).toHaveBeenCalledTimes(1)
  using slow = openClient({ url: ann.url, token: ann.token, transports: ['long-poll'] })
  await slow.call('streaming.grantStream', { trackId, delivery: 'url' })
  await slow.call('tracks.getTrack', { trackId })
  // Elsewhere the server allows no credentials: a browser would not let the page read the answer.
  expect(fetched.mock.calls.slice(1).map(([, sent]) => sent?.credentials)).toEqual([undefined, undefined])
})

it('knows by the wish for them which calls bring cookies', () => {
  const wishing = registry.operations.filter(({ input }) => hasField(input, 'delivery')).map(({ name }) => name)
  const bringing = registry.operations.filter(({ cookies }) => cookies !== undefined).map(({ name }) => name)
  expect(bringing).toEqual([grantStream.name])
  expect(wishing).toEqual(bringing)
})

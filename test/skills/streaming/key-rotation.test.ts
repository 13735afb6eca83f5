import { get } from 'node:http'
import { startEdge } from '../../../dev/edge'
import { generateSigningKeys } from '../../../dev/edge/signing-keys'
import { readConfig } from '../../../kernel/platform/config'
import { createAppContext } from '../../../kernel/platform/app-context'
import { startWeb } from '../../../server/main'
import { registry } from '../../../skills'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeStreamableTrack } from '../../make-streamable-track'
import { requestOverRest } from '../../person'
import { testStack } from '../../stack'
import { createTestApp } from '../../test-app'

const [first, second] = [generateSigningKeys(), generateSigningKeys()]
const { variables: v } = testStack()
const origin = {
  ...{ endpoint: v.S3_ENDPOINT ?? '', region: v.AWS_REGION ?? '', bucket: v.S3_BUCKET_NAME ?? '' },
  ...{ accessKeyId: v.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: v.AWS_SECRET_ACCESS_KEY ?? '' },
}

/** Uses a new connection: a kept-alive one would be closed when the edge restarts. */
const statusAt = (url: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    get(url, { agent: false }, response => resolve(response.resume().statusCode)).on('error', reject)
  })

it('streams stay playable while the signing key is rotated node by node, and the old key is refused afterwards', async () => {
  const edge = await startEdge({ publicKeys: { K1: first.publicKey, K2: second.publicKey }, origin })
  const pair = (id: string, { privateKey }: typeof first, after = '') => ({
    [`CLOUDFRONT_KEY_PAIR_ID${after}`]: id,
    [`CLOUDFRONT_PRIVATE_KEY${after}`]: privateKey,
  })
  const variables = { CLOUDFRONT_DOMAIN: edge.url, ...pair('K1', first), ...pair('K2', second, '_NEXT') }
  await using testApp = await createTestApp({ nodes: 1, variables })
  const ann = await testApp.signIn('ann')
  const { track } = await makeStreamableTrack(testApp.app, ann.id)
  const input = { trackId: track.id }
  const before = await ann.call(grantStream, input)

  // The second node already signs with the next key; both nodes share Redis.
  const changed = { ...testApp.variables, ...pair('K2', second), ...pair('K1', first, '_NEXT') }
  const parts = { clock: testApp.clock, log: testApp.app.log, database: testApp.app.db }
  await using next = await createAppContext(readConfig(changed), parts)
  await next.redis.ready(5_000)
  await using node = await startWeb(next, registry, 0)
  const { data } = await requestOverRest(`http://127.0.0.1:${node.port}`, grantStream, input, {})
  const after = data as typeof before
  const again = await ann.call(grantStream, input)
  const keyOf = ({ url }: typeof before) => new URL(url).searchParams.get('Key-Pair-Id')
  expect([before, after, again].map(keyOf)).toEqual(['K1', 'K2', 'K1'])
  const statusesOf = async ({ url, hls }: typeof before) => Promise.all([url, hls?.url ?? ''].map(statusAt))
  for (const grant of [before, after, again]) expect(await statusesOf(grant)).toEqual([200, 200])

  const { port: samePort } = edge
  await edge[Symbol.asyncDispose]()
  const edgeWithNewKey = await startEdge({ port: samePort, publicKeys: { K2: second.publicKey }, origin })
  expect(await statusesOf(before)).toEqual([403, 403])
  expect(await statusesOf(after)).toEqual([200, 200])
  await edgeWithNewKey[Symbol.asyncDispose]()
})

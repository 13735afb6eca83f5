import { get } from 'node:http'
import { startEdge } from '../../../dev/edge'
import { makeSigningKeys } from '../../../dev/edge/signing-keys'
import { readConfig } from '../../../kernel/world/config'
import { createWorld } from '../../../kernel/world'
import { startWeb } from '../../../server/main'
import { product } from '../../../skills'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeStreamable } from '../../hls'
import { askOverRest } from '../../people'
import { testStack } from '../../stack'
import { freshWorld } from '../../world'

const [first, second] = [makeSigningKeys(), makeSigningKeys()]
const { variables: v } = testStack()
const origin = {
  ...{ endpoint: v.S3_ENDPOINT ?? '', region: v.AWS_REGION ?? '', bucket: v.S3_BUCKET_NAME ?? '' },
  ...{ accessKeyId: v.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: v.AWS_SECRET_ACCESS_KEY ?? '' },
}

/** On a connection of its own: one that is kept would be closed under the next request when the edge begins anew. */
const statusAt = (url: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    get(url, { agent: false }, response => resolve(response.resume().statusCode)).on('error', reject)
  })

it('goes on while the signing key is changed, node by node, and the old key opens nothing afterwards', async () => {
  const edge = await startEdge({ publicKeys: { K1: first.publicKey, K2: second.publicKey }, origin })
  const pair = (id: string, { privateKey }: typeof first, after = '') => ({
    [`CLOUDFRONT_KEY_PAIR_ID${after}`]: id,
    [`CLOUDFRONT_PRIVATE_KEY${after}`]: privateKey,
  })
  const variables = { CLOUDFRONT_DOMAIN: edge.url, ...pair('K1', first), ...pair('K2', second, '_NEXT') }
  await using world = await freshWorld({ nodes: 1, variables })
  const ann = await world.person('ann')
  const { track } = await makeStreamable(world.world, ann.id)
  const input = { trackId: track.id }
  const before = await ann.call(grantStream, input)

  // The second node has the next key already; both are asked, and share a Redis.
  const changed = { ...world.variables, ...pair('K2', second), ...pair('K1', first, '_NEXT') }
  const parts = { clock: world.clock, log: world.world.log, database: world.world.db }
  await using next = await createWorld(readConfig(changed), parts)
  await next.redis.ready(5_000)
  await using node = await startWeb(next, product, 0)
  const { data } = await askOverRest(`http://127.0.0.1:${node.port}`, grantStream, input, {})
  const after = data as typeof before
  const again = await ann.call(grantStream, input)
  const keyOf = ({ url }: typeof before) => new URL(url).searchParams.get('Key-Pair-Id')
  expect([before, after, again].map(keyOf)).toEqual(['K1', 'K2', 'K1'])
  const statusOf = async ({ url, hls }: typeof before) => Promise.all([url, hls?.url ?? ''].map(statusAt))
  for (const grant of [before, after, again]) expect(await statusOf(grant)).toEqual([200, 200])

  const { port: samePort } = edge
  await edge[Symbol.asyncDispose]()
  const afterwards = await startEdge({ port: samePort, publicKeys: { K2: second.publicKey }, origin })
  expect(await statusOf(before)).toEqual([403, 403])
  expect(await statusOf(after)).toEqual([200, 200])
  await afterwards[Symbol.asyncDispose]()
})

import { join } from 'node:path'
import { type Redis, startRedis } from '../../dev/processes/redis'
import { newId } from '../../kernel/pipeline/new-id'
import { type AnyOperation, type InputOf } from '../../kernel/pipeline/operation'
import { getParty } from '../../skills/listening-party/get-party'
import { createParty } from '../../skills/listening-party/create-party'
import { kickMember } from '../../skills/listening-party/kick-member'
import { getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { createPlaylist } from '../../skills/playlists/create-playlist'
import { getPlaylist } from '../../skills/playlists/get-playlist'
import { getTrack } from '../../skills/tracks/get-track'
import { blockProfile } from '../../skills/user-profile/block-profile'
import { emitNumbers } from '../emit-numbers'
import { createTemporaryFolder } from '../dev/processes-fixture/create-temporary-folder'
import { makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { requestOverRest, transports, type Person } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { takeSnapshot } from './replica'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let redis: Redis
let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  folder = await createTemporaryFolder()
  redis = await startRedis({ folder: join(folder.path, 'redis') })
  testApp = await createTestApp({ variables: { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) } })
  ann = await testApp.signIn('ann', { node: 0 })
  bob = await testApp.signIn('bob', { node: 1 })
})
afterAll(async () => {
  await testApp[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

interface SnapshotCall<O extends AnyOperation = AnyOperation> {
  op: O
  input: InputOf<O>
  channel: string
}
const snapshotCall = <O extends AnyOperation>(op: O, input: InputOf<O>, channel: string): SnapshotCall<O> => ({
  op,
  input,
  channel,
})

/** A snapshot of each kind, with an event on its channel, and the ids of ann's objects. */
async function createOfEachKind() {
  const { id: trackId } = await makeTrack(ann.id)
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Ours' })
  const { party } = await ann.call(createParty, { title: 'Tonight', trackId })
  const calls = [
    snapshotCall(getTrack, { trackId }, `track:${trackId}`),
    snapshotCall(getPlaylist, { playlistId }, `playlist:${playlistId}`),
    snapshotCall(getParty, { partyId: party.id }, `party:${party.id}`),
    snapshotCall(getMySnapshot, {}, `user:${ann.id}`),
  ]
  await emitNumbers(
    testApp.app,
    calls.map(({ channel }) => channel),
    [1],
  )
  return { trackId, playlistId, partyId: party.id, calls }
}

it('every snapshot returns the position of its channel, over both transports', async () => {
  const { calls } = await createOfEachKind()
  for (const { op, input, channel } of calls) {
    const position = { channel, ...(await testApp.app.channelLog.position(channel)) }
    expect(position.offset).toBeGreaterThan(0)
    for (const transport of transports)
      expect((await takeSnapshot(ann, op, input, transport)).position).toEqual(position)
  }
})

it('unauthenticated callers get the position wherever they may see the state', async () => {
  const { calls } = await createOfEachKind()
  for (const { op, input, channel } of calls) {
    const reply = await requestOverRest(testApp.nodes[1]?.url ?? '', op, input, {})
    if (op.auth === 'public') expect(reply).toMatchObject({ data: {}, position: { channel } })
    else expect(reply).toMatchObject({ error: { code: 'not_signed_in' } })
    expect('position' in reply).toBe(op.auth === 'public')
  }
})

describe('a state without access', () => {
  /** Expects 404 over both transports and without a token, without a position. */
  async function expectHidden(op: AnyOperation, input: Record<string, unknown>): Promise<void> {
    const replies = [...(await Promise.all(transports.map(transport => bob.request(op, input, { transport }))))]
    if (op.auth === 'public') replies.push(await requestOverRest(testApp.nodes[0]?.url ?? '', op, input, {}))
    for (const reply of replies) {
      expect(reply).toMatchObject({ error: { status: 404, code: 'not_found' } })
      expect(reply).not.toHaveProperty('position')
      expect(JSON.stringify(reply.error)).not.toMatch(/epoch|offset|position/)
    }
  }

  it('returns no position for a private track or playlist, except to its owner', async () => {
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private' })
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Mine', visibility: 'private' })
    await emitNumbers(testApp.app, [`track:${trackId}`, `playlist:${playlistId}`], [1])
    await expectHidden(getTrack, { trackId })
    await expectHidden(getPlaylist, { playlistId })
    expect(await takeSnapshot(ann, getTrack, { trackId }, 'rest')).toMatchObject({ position: { offset: 1 } })
    expect(await takeSnapshot(ann, getPlaylist, { playlistId }, 'socket')).toMatchObject({ position: { offset: 1 } })
  })

  it('returns no position for a party that bans the caller, or for an unknown object', async () => {
    const { partyId } = await createOfEachKind()
    await ann.call(kickMember, { partyId, profileId: bob.id, ban: true })
    await expectHidden(getParty, { partyId })
    for (const [op, name] of [
      [getTrack, 'trackId'],
      [getPlaylist, 'playlistId'],
      [getParty, 'partyId'],
    ] as const)
      await expectHidden(op, { [name]: newId(new Date()) })
  })

  it('returns no position for an object of a person who blocks the caller', async () => {
    const eve = await testApp.signIn('eve')
    const { id: trackId } = await makeTrack(eve.id)
    await eve.call(blockProfile, { profileId: bob.id })
    expect(await bob.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
  })
})

it('the position is the same while Redis is away, after its return, and after it was wiped', async () => {
  const { calls } = await createOfEachKind()
  const readPositions = async () => {
    const positions = []
    for (const [index, { op, input }] of calls.entries())
      positions.push((await takeSnapshot(ann, op, input, index % 2 === 0 ? 'rest' : 'socket')).position)
    return positions
  }
  const before = await readPositions()
  const advancedBy = (count: number) => before.map(position => ({ ...position, offset: position.offset + count }))
  const channels = calls.map(({ channel }) => channel)

  await redis.stop()
  expect(await readPositions()).toEqual(before)
  await emitNumbers(testApp.app, channels, [2])
  expect(await readPositions()).toEqual(advancedBy(1))

  await redis.restart()
  for (const { app: node } of testApp.nodes) await waitUntil(() => node.redis.commands.status === 'ready')
  expect(await readPositions()).toEqual(advancedBy(1))
  await testApp.app.redis.commands.call('flushall')
  await emitNumbers(testApp.app, channels, [3])
  expect(await readPositions()).toEqual(advancedBy(2))
})

import { Block, Like, Profile, Track } from '../../../models'
import { likeTrack } from '../../../skills/interactions/like-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { trackCacheKey } from '../../../skills/tracks/views'
import { makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let moderator: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  moderator = await testApp.signIn('mod', { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const getAnonymously = (trackId: string) => requestOverRest(testApp.nodes[0]?.url ?? '', getTrack, { trackId }, {})

describe.each(transports)('a track over %s', transport => {
  it('has the viewer field, also when it comes from the cache', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    for (let time = 0; time < 2; time += 1) {
      const seen = await bob.call(getTrack, { trackId }, { transport })
      expect(seen.viewer).toEqual({ liked: false, reposted: false, canEdit: false })
      expect(seen.owner).toMatchObject({ id: ann.id })
    }
    await bob.call(likeTrack, { trackId }, { transport })
    await testApp.applyCounters()
    const liked = await bob.call(getTrack, { trackId }, { transport })
    expect(liked).toMatchObject({ counts: { likes: 1 }, viewer: { liked: true, canEdit: false } })
    const own = await ann.call(getTrack, { trackId }, { transport })
    expect(own).toMatchObject({ counts: { likes: 1 }, viewer: { liked: false, canEdit: true } })
    const { data } = await getAnonymously(trackId)
    expect(data).toEqual({ ...own, viewer: undefined })
    expect(data).not.toHaveProperty('viewer')
  })

  it.each([
    ['public', 'ready', { owner: true, other: true }],
    ['followers', 'ready', { owner: true, other: false }],
    ['unlisted', 'ready', { owner: true, other: false }],
    ['private', 'ready', { owner: true, other: false }],
    ['public', 'processing', { owner: true, other: false }],
    ['public', 'failed', { owner: true, other: false }],
  ] as const)('is visible only to those who may see it: %s, %s', async (visibility, state, sees) => {
    const { id: trackId } = await makeTrack(ann.id, { visibility, state })
    const answers = async (person: Person) =>
      (await person.request(getTrack, { trackId }, { transport })).error === undefined
    // Twice: the second answer may come from the cache.
    for (let time = 0; time < 2; time += 1) {
      expect(await answers(ann)).toBe(sees.owner)
      expect(await answers(moderator)).toBe(true)
      expect(await answers(bob)).toBe(sees.other)
      expect((await getAnonymously(trackId)).error === undefined).toBe(sees.other)
    }
  })

  it('answers not_found to a profile the artist blocks, and to everybody after deletion, cached or not', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const eve = await testApp.signIn(`eve-${transport}`)
    await eve.call(getTrack, { trackId }, { transport })
    await Block.create({ blockerId: ann.id, blockedId: eve.id, createdAt: new Date() })
    expect(await eve.expectProblem(getTrack, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
    await Track.update({ deletedAt: new Date() }, { where: { id: trackId } })
    for (const person of [ann, bob, moderator])
      expect(await person.expectProblem(getTrack, { trackId }, { transport })).toMatchObject({
        code: 'not_found',
      })
  })
})

describe('the cache', () => {
  const writeCache = (trackId: string, value: unknown) =>
    testApp.app.redis.commands.set(`cache:${trackCacheKey(trackId)}`, JSON.stringify(value))
  const readCache = async (trackId: string) => {
    const value = await testApp.app.redis.commands.get(`cache:${trackCacheKey(trackId)}`)
    return JSON.parse(value ?? 'null') as { view: object }
  }

  it('is used while it has the revision of the row, and holds no viewer field', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    await Like.create({ trackId, profileId: bob.id, createdAt: new Date() })
    await bob.call(getTrack, { trackId })
    const value = await readCache(trackId)
    expect(value.view).not.toHaveProperty('viewer')
    await writeCache(trackId, { ...value, view: { ...value.view, title: 'From the cache' } })
    expect(await bob.call(getTrack, { trackId })).toMatchObject({ title: 'From the cache', viewer: { liked: true } })
  })

  it('is not used when the track, its counts or its artist have a newer revision', async () => {
    const track = await makeTrack(ann.id)
    const trackId = track.id
    await bob.call(getTrack, { trackId })
    await track.update({ title: 'Changed', rev: track.rev + 1 })
    expect(await bob.call(getTrack, { trackId })).toMatchObject({ title: 'Changed' })
    await track.update({ likeCount: 7, countsRev: track.countsRev + 1 })
    expect(await bob.call(getTrack, { trackId })).toMatchObject({ title: 'Changed', counts: { likes: 7, rev: 2 } })
    const artist = await Profile.findByPk(ann.id)
    await artist?.update({ displayName: 'Ann the Great', rev: artist.rev + 1 })
    expect(await bob.call(getTrack, { trackId })).toMatchObject({ owner: { displayName: 'Ann the Great' } })
  })

  it('is optional: reads work without Redis', async () => {
    const { id: trackId } = await makeTrack(ann.id)
    const clients = testApp.nodes.map(node => node.app.redis.commands)
    for (const client of clients) client.disconnect()
    expect(await bob.call(getTrack, { trackId })).toMatchObject({ id: trackId })
    for (const client of clients) await client.connect()
  })
})

import { listLatestTracks } from '../../../skills/feed/list-latest-tracks'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { requestOverRest, transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

describe.each(transports)('the latest tracks over %s', transport => {
  it('are the public tracks of all artists, newest first, in pages', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const bob = await testApp.signIn(`bob-${transport}`)
    const first = await makeTrack(ann.id, { publishedAt: minutesAgo(1) })
    const second = await makeTrack(bob.id, { publishedAt: minutesAgo(2) })
    const hidden = [{ visibility: 'private' }, { visibility: 'unlisted' }, { deletedAt: new Date() }] as const
    for (const options of hidden) await makeTrack(ann.id, options)
    const { data, page } = await ann.request(listLatestTracks, { limit: 1 }, { transport })
    expect(data).toEqual([expect.objectContaining({ id: first.id })])
    const newer = await makeTrack(bob.id)
    const next = await ann.request(listLatestTracks, { limit: 1, cursor: page?.next }, { transport })
    expect(next.data).toEqual([expect.objectContaining({ id: second.id, viewer: expect.anything() as unknown })])
    for (const track of [first, second, newer]) await track.update({ deletedAt: new Date() })
  })
})

it('are readable without signing in, then without the viewer field', async () => {
  const ann = await testApp.signIn('ann')
  const track = await makeTrack(ann.id)
  const { status, data } = await requestOverRest(ann.url, listLatestTracks, { limit: 1 }, {})
  expect(status).toBe(200)
  expect(data).toEqual([expect.not.objectContaining({ viewer: expect.anything() as unknown })])
  expect(data).toEqual([expect.objectContaining({ id: track.id })])
})

it('leave out tracks across a block, in both directions', async () => {
  const [ann, bob, cat] = [await testApp.signIn('ann'), await testApp.signIn('bob'), await testApp.signIn('cat')]
  const tracks = [await makeTrack(bob.id), await makeTrack(cat.id)].map(({ id }) => id)
  const seen = async () => (await ann.call(listLatestTracks, {})).map(({ id }) => id).filter(id => tracks.includes(id))
  expect(await seen()).toHaveLength(2)
  await ann.call(blockProfile, { profileId: bob.id })
  await cat.call(blockProfile, { profileId: ann.id })
  expect(await seen()).toEqual([])
})

it('rejects a cursor of another list', async () => {
  const ann = await testApp.signIn('ann')
  expect(await ann.expectProblem(listLatestTracks, { cursor: 'bm90IGpzb24' })).toMatchObject({ code: 'invalid_input' })
})

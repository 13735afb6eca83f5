import { listLatest } from '../../../skills/feed/list-latest'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { askOverRest, doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

describe.each(doors)('the latest tracks over %s', door => {
  it('are the public ones of everybody, newest first, page after page', async () => {
    const ann = await world.person(`ann-${door}`)
    const bob = await world.person(`bob-${door}`)
    const first = await makeTrack(ann.id, { publishedAt: minutesAgo(1) })
    const second = await makeTrack(bob.id, { publishedAt: minutesAgo(2) })
    const hidden = [{ visibility: 'private' }, { visibility: 'unlisted' }, { removedAt: new Date() }] as const
    for (const wish of hidden) await makeTrack(ann.id, wish)
    const { data, page } = await ann.ask(listLatest, { limit: 1 }, { door })
    expect(data).toEqual([expect.objectContaining({ id: first.id })])
    const newer = await makeTrack(bob.id)
    const next = await ann.ask(listLatest, { limit: 1, cursor: page?.next }, { door })
    expect(next.data).toEqual([expect.objectContaining({ id: second.id, viewer: expect.anything() as unknown })])
    for (const track of [first, second, newer]) await track.update({ removedAt: new Date() })
  })
})

it('are there for whoever is not signed in, without what a viewer did', async () => {
  const ann = await world.person('ann')
  const track = await makeTrack(ann.id)
  const { status, data } = await askOverRest(ann.url, listLatest, { limit: 1 }, {})
  expect(status).toBe(200)
  expect(data).toEqual([expect.not.objectContaining({ viewer: expect.anything() as unknown })])
  expect(data).toEqual([expect.objectContaining({ id: track.id })])
})

it('leave out whom a block keeps apart, in both directions', async () => {
  const [ann, bob, cat] = [await world.person('ann'), await world.person('bob'), await world.person('cat')]
  const tracks = [await makeTrack(bob.id), await makeTrack(cat.id)].map(({ id }) => id)
  const seen = async () => (await ann.call(listLatest, {})).map(({ id }) => id).filter(id => tracks.includes(id))
  expect(await seen()).toHaveLength(2)
  await ann.call(blockProfile, { profileId: bob.id })
  await cat.call(blockProfile, { profileId: ann.id })
  expect(await seen()).toEqual([])
})

it('refuses a cursor of another list', async () => {
  const ann = await world.person('ann')
  expect(await ann.refused(listLatest, { cursor: 'bm90IGpzb24' })).toMatchObject({ code: 'invalid_input' })
})

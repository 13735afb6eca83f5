import { likeTrack } from '../../../skills/interactions/like-track'
import { listLikers } from '../../../skills/interactions/list-likers'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { askOverRest, doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('who likes a track over %s', door => {
  it('comes page by page, the latest first, to whoever may see the track', async () => {
    const ann = await world.person('ann')
    const track = await makeTrack(ann.id)
    for (const name of ['kim', 'lea', 'max']) await (await world.person(name)).call(likeTrack, { trackId: track.id })
    const first = await ann.ask(listLikers, { trackId: track.id, limit: 2 }, { door })
    const second = await ann.ask(listLikers, { trackId: track.id, limit: 2, cursor: first.page?.next }, { door })
    expect([first.data, second.data].flat()).toMatchObject([{ handle: 'max' }, { handle: 'lea' }, { handle: 'kim' }])
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const kim = await world.person('kim')
    expect(await kim.refused(listLikers, { trackId: hidden.id }, { door })).toMatchObject({ code: 'not_found' })
    expect(await ann.call(listLikers, { trackId: hidden.id }, { door })).toEqual([])
  })

  it('leaves out people across a block, and whom the artist blocks, but never oneself', async () => {
    const artist = await world.person(`artist_${door}`)
    const viewer = await world.person(`viewer_${door}`)
    const [foe, pest, outcast] = [
      await world.person(`foe_${door}`),
      await world.person(`pest_${door}`),
      await world.person(`outcast_${door}`),
    ]
    const track = await makeTrack(artist.id)
    for (const one of [viewer, foe, pest, outcast]) await one.call(likeTrack, { trackId: track.id })
    await foe.call(blockProfile, { profileId: viewer.id })
    await viewer.call(blockProfile, { profileId: pest.id })
    await artist.call(blockProfile, { profileId: outcast.id })
    const seenBy = async (one: typeof viewer) =>
      (await one.call(listLikers, { trackId: track.id }, { door })).map(({ id }) => id)
    expect(await seenBy(viewer)).toEqual([viewer.id])
    expect(await seenBy(artist)).toEqual([pest.id, foe.id, viewer.id])
    expect(await seenBy(foe)).toEqual([pest.id, foe.id])
    const unsigned = await askOverRest(artist.url, listLikers, { trackId: track.id }, {})
    expect(unsigned.data).toHaveLength(3)
  })
})

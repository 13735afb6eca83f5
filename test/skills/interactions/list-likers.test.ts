import { likeTrack } from '../../../skills/interactions/like-track'
import { listLikers } from '../../../skills/interactions/list-likers'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { requestOverRest, transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('listing the likers of a track over %s', transport => {
  it('pages them, latest first, and answers not_found to those who may not see the track', async () => {
    const ann = await testApp.signIn('ann')
    const track = await makeTrack(ann.id)
    for (const name of ['kim', 'lea', 'max']) await (await testApp.signIn(name)).call(likeTrack, { trackId: track.id })
    const first = await ann.request(listLikers, { trackId: track.id, limit: 2 }, { transport })
    const second = await ann.request(
      listLikers,
      { trackId: track.id, limit: 2, cursor: first.page?.next },
      { transport },
    )
    expect([first.data, second.data].flat()).toMatchObject([{ handle: 'max' }, { handle: 'lea' }, { handle: 'kim' }])
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const kim = await testApp.signIn('kim')
    expect(await kim.expectProblem(listLikers, { trackId: hidden.id }, { transport })).toMatchObject({
      code: 'not_found',
    })
    expect(await ann.call(listLikers, { trackId: hidden.id }, { transport })).toEqual([])
  })

  it('leaves out profiles across a block and those the artist blocks, but never the viewer', async () => {
    const artist = await testApp.signIn(`artist_${transport}`)
    const viewer = await testApp.signIn(`viewer_${transport}`)
    const [foe, pest, outcast] = [
      await testApp.signIn(`foe_${transport}`),
      await testApp.signIn(`pest_${transport}`),
      await testApp.signIn(`outcast_${transport}`),
    ]
    const track = await makeTrack(artist.id)
    for (const one of [viewer, foe, pest, outcast]) await one.call(likeTrack, { trackId: track.id })
    await foe.call(blockProfile, { profileId: viewer.id })
    await viewer.call(blockProfile, { profileId: pest.id })
    await artist.call(blockProfile, { profileId: outcast.id })
    const seenBy = async (one: typeof viewer) =>
      (await one.call(listLikers, { trackId: track.id }, { transport })).map(({ id }) => id)
    expect(await seenBy(viewer)).toEqual([viewer.id])
    expect(await seenBy(artist)).toEqual([pest.id, foe.id, viewer.id])
    expect(await seenBy(foe)).toEqual([pest.id, foe.id])
    const unsigned = await requestOverRest(artist.url, listLikers, { trackId: track.id }, {})
    expect(unsigned.data).toHaveLength(3)
  })
})

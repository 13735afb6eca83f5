import { Track } from '../../../models'
import { likeTrack } from '../../../skills/interactions/like-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { getTrack } from '../../../skills/streaming/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { doors } from '../../people'
import { StateEar } from '../../state-ear'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('liking a track over %s', door => {
  it('counts once, tells the other devices on the other node once, and shows on every read', async () => {
    const ann = await world.person('ann', { node: 0 })
    const bob = await world.person('bob', { node: 0 })
    const track = await makeTrack(ann.id)
    const heard = await (await world.person('bob', { node: 1 })).hear(`user:${bob.id}`)
    const seen = await StateEar.on(ann, `track:${track.id}`)
    expect(seen.first).toEqual({ counts: { likes: 0, reposts: 0, comments: 0, rev: 1 } })

    const first = await bob.call(likeTrack, { trackId: track.id }, { door })
    const again = await bob.call(likeTrack, { trackId: track.id }, { door })
    expect(first).toMatchObject({ liked: true, reposted: false, counts: { likes: 1 } })
    expect(again).toMatchObject({ liked: true, reposted: false, counts: { likes: 1 } })
    await seen.reaches('counts', { likes: 1, rev: 2 })
    expect(await ann.call(getTrack, { trackId: track.id }, { door })).toMatchObject({ counts: seen.newest('counts') })

    const back = await bob.call(unlikeTrack, { trackId: track.id }, { door })
    expect(back).toMatchObject({ liked: false, counts: { likes: 0 } })
    await heard.first('interactions.trackUnliked', data => data.trackId === track.id)
    const names = heard.events.filter(({ data }) => data.trackId === track.id).map(({ name }) => name)
    expect(names).toEqual(['interactions.trackLiked', 'interactions.trackUnliked'])
    await seen.reaches('counts', { likes: 0, rev: 3 })
    expect(seen.frames).toHaveLength(2)
    expect(await ann.call(getTrack, { trackId: track.id }, { door })).toMatchObject({ counts: { likes: 0, rev: 3 } })
  })

  it('answers with every act that was made before it, counted or not', async () => {
    const ann = await world.person('ann')
    const track = await makeTrack(ann.id)
    const fans = await Promise.all(Array.from({ length: 4 }, (_, index) => world.person(`early${index}`)))
    const likes = []
    for (const fan of fans) likes.push((await fan.call(likeTrack, { trackId: track.id }, { door })).counts.likes)
    expect(likes).toEqual([1, 2, 3, 4])
    const [first] = fans
    expect(await first?.call(unlikeTrack, { trackId: track.id }, { door })).toMatchObject({ counts: { likes: 3 } })
    expect(await first?.call(unlikeTrack, { trackId: track.id }, { door })).toMatchObject({ counts: { likes: 3 } })
  })

  it('is counted exactly when many press at once', async () => {
    const ann = await world.person('ann')
    const track = await makeTrack(ann.id)
    const crowd = await Promise.all(Array.from({ length: 6 }, (_, index) => world.person(`fan${index}`)))
    const answers = await Promise.all(
      crowd.flatMap(fan => [1, 2, 3].map(() => fan.call(likeTrack, { trackId: track.id }, { door }))),
    )
    for (const { liked, counts } of answers)
      expect({ liked, isCounted: counts.likes >= 1 }).toEqual({ liked: true, isCounted: true })
    await world.settle()
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 6 } })
  })

  it('hides what the listener may not know of', async () => {
    const ann = await world.person('ann')
    const bob = await world.person('bob')
    const pest = await world.person('pest')
    await ann.call(blockProfile, { profileId: pest.id })
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const open = await makeTrack(ann.id)
    for (const op of [likeTrack, unlikeTrack]) {
      expect(await bob.refused(op, { trackId: hidden.id }, { door })).toMatchObject({ code: 'not_found' })
      expect(await pest.refused(op, { trackId: open.id }, { door })).toMatchObject({ code: 'not_found' })
    }
  })

  it('can be taken back once the track is hidden from who liked it', async () => {
    const ann = await world.person('ann')
    const bob = await world.person('bob')
    const track = await makeTrack(ann.id)
    await bob.call(likeTrack, { trackId: track.id }, { door })
    await Track.update({ visibility: 'private' }, { where: { id: track.id } })
    expect(await bob.call(unlikeTrack, { trackId: track.id }, { door })).toMatchObject({ liked: false })
    expect(await bob.refused(unlikeTrack, { trackId: track.id }, { door })).toMatchObject({ code: 'not_found' })
    await world.settle()
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 0 } })
  })
})

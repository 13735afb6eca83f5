import { Track } from '../../../models'
import { likeTrack } from '../../../skills/interactions/like-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { transports } from '../../person'
import { StateRecorder } from '../../state-recorder'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('liking a track over %s', transport => {
  it('counts once, notifies the devices on the other node once, and shows in every read', async () => {
    const ann = await testApp.signIn('ann', { node: 0 })
    const bob = await testApp.signIn('bob', { node: 0 })
    const track = await makeTrack(ann.id)
    const recorder = await (await testApp.signIn('bob', { node: 1 })).recordEvents(`user:${bob.id}`)
    const states = await StateRecorder.follow(ann, `track:${track.id}`)
    expect(states.initial).toEqual({ counts: { likes: 0, reposts: 0, comments: 0, rev: 1 } })

    const first = await bob.call(likeTrack, { trackId: track.id }, { transport })
    const again = await bob.call(likeTrack, { trackId: track.id }, { transport })
    expect(first).toMatchObject({ liked: true, reposted: false, counts: { likes: 1 } })
    expect(again).toMatchObject({ liked: true, reposted: false, counts: { likes: 1 } })
    await states.waitFor('counts', { likes: 1, rev: 2 })
    expect(await ann.call(getTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: states.latest('counts'),
    })

    const unliked = await bob.call(unlikeTrack, { trackId: track.id }, { transport })
    expect(unliked).toMatchObject({ liked: false, counts: { likes: 0 } })
    await recorder.waitFor('interactions.trackUnliked', data => data.trackId === track.id)
    const names = recorder.events.filter(({ data }) => data.trackId === track.id).map(({ name }) => name)
    expect(names).toEqual(['interactions.trackLiked', 'interactions.trackUnliked'])
    await states.waitFor('counts', { likes: 0, rev: 3 })
    expect(states.frames).toHaveLength(2)
    expect(await ann.call(getTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: { likes: 0, rev: 3 },
    })
  })

  it('answers with counts that include every earlier like, applied to the counter or not', async () => {
    const ann = await testApp.signIn('ann')
    const track = await makeTrack(ann.id)
    const fans = await Promise.all(Array.from({ length: 4 }, (_, index) => testApp.signIn(`early${index}`)))
    const likes = []
    for (const fan of fans) likes.push((await fan.call(likeTrack, { trackId: track.id }, { transport })).counts.likes)
    expect(likes).toEqual([1, 2, 3, 4])
    const [first] = fans
    expect(await first?.call(unlikeTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: { likes: 3 },
    })
    expect(await first?.call(unlikeTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: { likes: 3 },
    })
  })

  it('is counted exactly when many like at once', async () => {
    const ann = await testApp.signIn('ann')
    const track = await makeTrack(ann.id)
    const crowd = await Promise.all(Array.from({ length: 6 }, (_, index) => testApp.signIn(`fan${index}`)))
    const answers = await Promise.all(
      crowd.flatMap(fan => [1, 2, 3].map(() => fan.call(likeTrack, { trackId: track.id }, { transport }))),
    )
    for (const { liked, counts } of answers)
      expect({ liked, isCounted: counts.likes >= 1 }).toEqual({ liked: true, isCounted: true })
    await testApp.applyCounters()
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 6 } })
  })

  it('answers not_found for a hidden track and across a block', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const pest = await testApp.signIn('pest')
    await ann.call(blockProfile, { profileId: pest.id })
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const open = await makeTrack(ann.id)
    for (const op of [likeTrack, unlikeTrack]) {
      expect(await bob.expectProblem(op, { trackId: hidden.id }, { transport })).toMatchObject({
        code: 'not_found',
      })
      expect(await pest.expectProblem(op, { trackId: open.id }, { transport })).toMatchObject({
        code: 'not_found',
      })
    }
  })

  it('can be undone after the track is hidden from the person who liked it', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const track = await makeTrack(ann.id)
    await bob.call(likeTrack, { trackId: track.id }, { transport })
    await Track.update({ visibility: 'private' }, { where: { id: track.id } })
    expect(await bob.call(unlikeTrack, { trackId: track.id }, { transport })).toMatchObject({ liked: false })
    expect(await bob.expectProblem(unlikeTrack, { trackId: track.id }, { transport })).toMatchObject({
      code: 'not_found',
    })
    await testApp.applyCounters()
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { likes: 0 } })
  })
})

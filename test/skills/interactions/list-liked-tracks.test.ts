import { Track } from '../../../models'
import { likeTrack } from '../../../skills/interactions/like-track'
import { listLikedTracks } from '../../../skills/interactions/list-liked-tracks'
import { getTrack } from '../../../skills/tracks/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function likedBy(fan: Person, artist: Person, titles: string[]): Promise<Track[]> {
  const tracks = []
  for (const title of titles) {
    const track = await makeTrack(artist.id, { title })
    await fan.call(likeTrack, { trackId: track.id })
    tracks.push(track)
  }
  return tracks
}

describe.each(transports)("listing one's liked tracks over %s", transport => {
  it('pages them by the latest like, as getTrack shows each', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn(`bob_${transport}`)
    const [one] = await likedBy(bob, ann, ['one', 'two', 'three'])
    const first = await bob.request(listLikedTracks, { limit: 2 }, { transport })
    await likedBy(bob, ann, ['meanwhile'])
    const second = await bob.request(listLikedTracks, { limit: 2, cursor: first.page?.next }, { transport })
    expect(first.data).toMatchObject([{ title: 'three' }, { title: 'two' }])
    expect(second).toMatchObject({ data: [{ title: 'one' }], page: { next: null, hasMore: false } })
    expect(second.data).toEqual([await bob.call(getTrack, { trackId: one?.id ?? '' }, { transport })])
  })

  it('leaves out tracks the viewer may no longer see, and still fills pages', async () => {
    const ann = await testApp.signIn('ann')
    const foe = await testApp.signIn(`foe_${transport}`)
    const bob = await testApp.signIn(`eva_${transport}`)
    const [, hidden, removed, unlisted] = await likedBy(bob, ann, ['seen', 'hidden', 'removed', 'unlisted'])
    await likedBy(bob, foe, ['of a foe'])
    await likedBy(bob, bob, ['my own'])
    await Track.update({ visibility: 'private' }, { where: { id: hidden?.id ?? '' } })
    await Track.update({ visibility: 'private' }, { where: { ownerId: bob.id } })
    await Track.update({ deletedAt: new Date() }, { where: { id: removed?.id ?? '' } })
    await Track.update({ visibility: 'unlisted' }, { where: { id: unlisted?.id ?? '' } })
    await makeTrackLinkHolder(unlisted?.id ?? '', bob.id)
    await foe.call(blockProfile, { profileId: bob.id })
    const { data, page } = await bob.request(listLikedTracks, { limit: 3 }, { transport })
    expect(data).toMatchObject([{ title: 'my own' }, { title: 'unlisted' }, { title: 'seen' }])
    expect(page).toEqual({ next: null, hasMore: false })
  })
})

it('shows a moderator tracks that are hidden from others', async () => {
  const ann = await testApp.signIn('ann')
  const moderator = await testApp.signIn('moderator_kim', { roles: ['moderator'] })
  const [track] = await likedBy(moderator, ann, ['hidden later'])
  await Track.update({ visibility: 'private' }, { where: { id: track?.id ?? '' } })
  expect(await moderator.call(listLikedTracks, {})).toMatchObject([{ title: 'hidden later' }])
})

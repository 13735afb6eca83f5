import { Follow, Repost, type Track } from '../../../models'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { transports } from '../../person'
import { StateRecorder } from '../../state-recorder'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('reposting a track over %s', transport => {
  it('counts once, notifies the other devices once, and can be undone once', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const track = await makeTrack(ann.id)
    const recorder = await bob.recordEvents(`user:${bob.id}`)
    const states = await StateRecorder.follow(ann, `track:${track.id}`)

    const first = await bob.call(repostTrack, { trackId: track.id }, { transport })
    expect(first).toMatchObject({ reposted: true, liked: false, counts: { reposts: 1, rev: 1 } })
    await states.waitFor('counts', { reposts: 1, rev: 2 })
    const counted = { ...first, counts: states.latest('counts') }
    expect(await bob.call(repostTrack, { trackId: track.id }, { transport })).toEqual(counted)
    expect(await bob.call(getTrack, { trackId: track.id }, { transport })).toMatchObject({
      viewer: { reposted: true },
    })

    const unreposted = await bob.call(unrepostTrack, { trackId: track.id }, { transport })
    expect(unreposted).toMatchObject({ reposted: false, counts: { reposts: 0, rev: 2 } })
    expect(await bob.call(unrepostTrack, { trackId: track.id }, { transport })).toMatchObject({
      reposted: false,
      counts: { reposts: 0 },
    })
    await states.waitFor('counts', { reposts: 0, rev: 3 })
    const last = await recorder.waitFor('interactions.trackUnreposted')
    expect(last.data).toEqual({
      trackId: track.id,
      ownerId: ann.id,
      actor: expect.objectContaining({ id: bob.id }) as object,
    })
    expect(recorder.names().filter(name => name.includes('eposted'))).toEqual([
      'interactions.trackReposted',
      'interactions.trackUnreposted',
    ])
  })

  it("is refused for one's own tracks and for tracks that are not public", async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const track = await makeTrack(ann.id)
    const unlisted = await makeTrack(ann.id, { visibility: 'unlisted' })
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const codeFor = async (person: typeof ann, { id: trackId }: Track) =>
      (await person.expectProblem(repostTrack, { trackId }, { transport })).code
    expect(await codeFor(ann, track)).toBe('own_track')
    expect(await codeFor(bob, unlisted)).toBe('not_found')
    await makeTrackLinkHolder(unlisted.id, bob.id)
    expect(await codeFor(bob, unlisted)).toBe('not_public')
    const forFollowers = await makeTrack(ann.id, { visibility: 'followers' })
    await Follow.create({ followerId: bob.id, followeeId: ann.id, createdAt: new Date() })
    expect(await codeFor(bob, forFollowers)).toBe('not_public')
    await Follow.destroy({ where: { followerId: bob.id } })
    expect(await codeFor(bob, hidden)).toBe('not_found')
    expect(await Repost.count({ where: { trackId: [track.id, unlisted.id, hidden.id] } })).toBe(0)
  })

  it('is refused to a profile the artist blocks, which may still undo an earlier repost', async () => {
    const ann = await testApp.signIn(`ann_${transport}`)
    const bob = await testApp.signIn(`bob_${transport}`)
    const track = await makeTrack(ann.id)
    await bob.call(repostTrack, { trackId: track.id }, { transport })
    await ann.call(blockProfile, { profileId: bob.id })
    expect(await bob.expectProblem(repostTrack, { trackId: track.id }, { transport })).toMatchObject({
      code: 'not_found',
    })
    expect(await bob.call(unrepostTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: { reposts: 0 },
    })
    expect(await bob.expectProblem(unrepostTrack, { trackId: track.id }, { transport })).toMatchObject({
      code: 'not_found',
    })
  })
})

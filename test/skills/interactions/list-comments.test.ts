import { addComment } from '../../../skills/interactions/add-comment'
import { listComments } from '../../../skills/interactions/list-comments'
import { deleteComment } from '../../../skills/interactions/delete-comment'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const comment = (person: Person, trackId: string, body: string) =>
  person.call(addComment, { trackId, body, positionMs: 7 })

describe.each(transports)('the comments on a track over %s', transport => {
  it('come in pages, latest first, without deleted ones, unaffected by new ones', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn(`bob_${transport}`)
    const { id: trackId } = await makeTrack(ann.id)
    const one = await comment(bob, trackId, 'one')
    const deleted = await comment(bob, trackId, 'gone')
    for (const body of ['two', 'three']) await comment(ann, trackId, body)
    await bob.call(deleteComment, { commentId: deleted.id })
    const first = await bob.request(listComments, { trackId, limit: 2 }, { transport })
    await comment(ann, trackId, 'meanwhile')
    const second = await bob.request(listComments, { trackId, limit: 2, cursor: first.page?.next }, { transport })
    expect(first.data).toMatchObject([
      { body: 'three', author: { handle: 'ann' }, viewer: { canDelete: false } },
      { body: 'two' },
    ])
    expect(second).toMatchObject({ data: [one], page: { next: null, hasMore: false } })
  })

  it('leave out authors across a block and those the artist blocks, who still see their own comments', async () => {
    const artist = await testApp.signIn(`artist_${transport}`)
    const viewer = await testApp.signIn(`viewer_${transport}`)
    const [foe, pest, outcast] = [
      await testApp.signIn(`foe_${transport}`),
      await testApp.signIn(`pest_${transport}`),
      await testApp.signIn(`outcast_${transport}`),
    ]
    const moderator = await testApp.signIn(`moderator_${transport}`, { roles: ['moderator'] })
    const { id: trackId } = await makeTrack(artist.id)
    for (const one of [moderator, foe, pest, outcast, viewer]) await comment(one, trackId, 'Hi')
    await foe.call(blockProfile, { profileId: viewer.id })
    await viewer.call(blockProfile, { profileId: pest.id })
    for (const one of [outcast, moderator]) await artist.call(blockProfile, { profileId: one.id })
    const seenBy = async (one: Person) =>
      (await one.call(listComments, { trackId }, { transport })).map(({ author }) => author.id)
    expect(await seenBy(viewer)).toEqual([viewer.id])
    expect(await seenBy(artist)).toEqual([viewer.id, pest.id, foe.id])
    expect(await seenBy(pest)).toEqual([pest.id, foe.id])
    // The artist's block hides neither the track from a moderator nor an author's own comments.
    expect(await seenBy(moderator)).toEqual([viewer.id, pest.id, foe.id, moderator.id])
    const unsigned = await requestOverRest(artist.url, listComments, { trackId }, {})
    expect(unsigned.data).toHaveLength(3)
    expect(JSON.stringify(unsigned.data)).not.toContain('viewer"')
  })

  it('are hidden with the track', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn(`bob_${transport}`)
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private' })
    await comment(ann, trackId, 'A note to myself')
    expect(await bob.expectProblem(listComments, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
  })
})

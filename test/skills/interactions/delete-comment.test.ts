import { Track } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { deleteComment } from '../../../skills/interactions/delete-comment'
import { getTrack } from '../../../skills/tracks/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** An artist, a listener, a track, the listener's comment on it, and the track's events as the listener receives them. */
async function createComment(mark: string) {
  const ann = await testApp.signIn(`ann_${mark}`)
  const bob = await testApp.signIn(`bob_${mark}`)
  const track = await makeTrack(ann.id)
  const recorder = await bob.recordEvents(`track:${track.id}`)
  const comment = await bob.call(addComment, { trackId: track.id, body: 'Hm.', positionMs: 0 })
  return { ann, bob, track, recorder, commentId: comment.id }
}

describe.each(transports)('deleting a comment over %s', transport => {
  it('is allowed to its author, counted once and announced once, however many requests arrive', async () => {
    const { ann, bob, track, recorder, commentId } = await createComment(transport)
    const remove = (person: typeof ann) => person.call(deleteComment, { commentId }, { transport })
    const answers = await Promise.all([remove(bob), remove(ann), remove(bob), remove(ann)])
    const deleted = { commentId, trackId: track.id, counts: { likes: 0, reposts: 0, comments: 0, rev: 3 } }
    for (const answer of [...answers, await remove(bob)]) expect(answer).toEqual(deleted)
    await bob.call(addComment, { trackId: track.id, body: 'The last event', positionMs: 0 })
    await recorder.waitFor('interactions.commentAdded', ({ counts }) => (counts as { rev: number }).rev === 4)
    expect(recorder.names().map(name => name.replace('interactions.comment', ''))).toEqual([
      'Added',
      'Deleted',
      'Added',
    ])
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { comments: 1 } })
  })

  it.each([
    ['the artist', false],
    ['a moderator', true],
  ])('is allowed to %s, whom the event does not name', async (_who, byModerator) => {
    const { ann, bob, recorder, commentId } = await createComment(`${transport}_${byModerator ? 'm' : 'a'}`)
    const remover = byModerator ? await testApp.signIn('moderator_kim', { roles: ['moderator'] }) : ann
    await remover.call(deleteComment, { commentId }, { transport })
    const { data } = await recorder.waitFor('interactions.commentDeleted')
    expect(data).toMatchObject({ commentId, author: { id: bob.id }, counts: { comments: 0, rev: 3 } })
  })

  it('is refused to others: 403, or 404 when they may not see the comment', async () => {
    const { ann, bob, track, commentId } = await createComment(`${transport}_x`)
    const stranger = await testApp.signIn(`stranger_${transport}`)
    const pest = await testApp.signIn(`pest_${transport}`)
    await bob.call(blockProfile, { profileId: pest.id })
    const statusFor = async (person: typeof ann) =>
      (await person.expectProblem(deleteComment, { commentId }, { transport })).status
    expect(await statusFor(stranger)).toBe(403)
    expect(await statusFor(pest)).toBe(404)
    await Track.update({ visibility: 'private' }, { where: { id: track.id } })
    expect(await statusFor(stranger)).toBe(404)
    await Track.update({ visibility: 'public' }, { where: { id: track.id } })
    await bob.call(deleteComment, { commentId }, { transport })
    expect(await statusFor(stranger)).toBe(404)
    const nobody = { commentId: 'ffffffff-0000-7000-8000-000000000000' }
    expect(await ann.expectProblem(deleteComment, nobody, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('is allowed to its author when the track is hidden from them', async () => {
    const { ann, bob, track, commentId } = await createComment(`${transport}_h`)
    await ann.call(blockProfile, { profileId: bob.id })
    await bob.call(deleteComment, { commentId }, { transport })
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { comments: 0 } })
  })
})

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

/** An artist, a listener, a track, the listener's comment on it, and what the listener hears of the track. */
async function scene(mark: string) {
  const ann = await testApp.signIn(`ann_${mark}`)
  const bob = await testApp.signIn(`bob_${mark}`)
  const track = await makeTrack(ann.id)
  const heard = await bob.recordEvents(`track:${track.id}`)
  const comment = await bob.call(addComment, { trackId: track.id, body: 'Hm.', positionMs: 0 })
  return { ann, bob, track, heard, commentId: comment.id }
}

describe.each(transports)('removing a comment over %s', transport => {
  it('is for its author, counted once, and told once, however often and however many ask', async () => {
    const { ann, bob, track, heard, commentId } = await scene(transport)
    const ask = (person: typeof ann) => person.call(deleteComment, { commentId }, { transport })
    const answers = await Promise.all([ask(bob), ask(ann), ask(bob), ask(ann)])
    const gone = { commentId, trackId: track.id, counts: { likes: 0, reposts: 0, comments: 0, rev: 3 } }
    for (const answer of [...answers, await ask(bob)]) expect(answer).toEqual(gone)
    await bob.call(addComment, { trackId: track.id, body: 'The last event', positionMs: 0 })
    await heard.waitFor('interactions.commentAdded', ({ counts }) => (counts as { rev: number }).rev === 4)
    expect(heard.names().map(name => name.replace('interactions.comment', ''))).toEqual(['Added', 'Removed', 'Added'])
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { comments: 1 } })
  })

  it.each([
    ['the artist', false],
    ['a moderator', true],
  ])('is for %s, and does not say who it was', async (_who, byModerator) => {
    const { ann, bob, heard, commentId } = await scene(`${transport}_${byModerator ? 'm' : 'a'}`)
    const remover = byModerator ? await testApp.signIn('moderator_kim', { roles: ['moderator'] }) : ann
    await remover.call(deleteComment, { commentId }, { transport })
    const { data } = await heard.waitFor('interactions.commentDeleted')
    expect(data).toMatchObject({ commentId, by: { id: bob.id }, counts: { comments: 0, rev: 3 } })
  })

  it('is not for anybody else, who learns nothing of what they may not see', async () => {
    const { ann, bob, track, commentId } = await scene(`${transport}_x`)
    const stranger = await testApp.signIn(`stranger_${transport}`)
    const pest = await testApp.signIn(`pest_${transport}`)
    await bob.call(blockProfile, { profileId: pest.id })
    const refused = async (person: typeof ann) =>
      (await person.expectProblem(deleteComment, { commentId }, { transport })).status
    expect(await refused(stranger)).toBe(403)
    expect(await refused(pest)).toBe(404)
    await Track.update({ visibility: 'private' }, { where: { id: track.id } })
    expect(await refused(stranger)).toBe(404)
    await Track.update({ visibility: 'public' }, { where: { id: track.id } })
    await bob.call(deleteComment, { commentId }, { transport })
    expect(await refused(stranger)).toBe(404)
    const nobody = { commentId: 'ffffffff-0000-7000-8000-000000000000' }
    expect(await ann.expectProblem(deleteComment, nobody, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('is still for its author when the track is hidden from them', async () => {
    const { ann, bob, track, commentId } = await scene(`${transport}_h`)
    await ann.call(blockProfile, { profileId: bob.id })
    await bob.call(deleteComment, { commentId }, { transport })
    expect(await ann.call(getTrack, { trackId: track.id })).toMatchObject({ counts: { comments: 0 } })
  })
})

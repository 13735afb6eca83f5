import { Comment } from '../../../models'
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

describe.each(transports)('adding a comment over %s', transport => {
  it('counts it, trims its body, and notifies followers of the track on the other node', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn(`bob_${transport}`)
    const track = await makeTrack(ann.id)
    const recorder = await ann.recordEvents(`track:${track.id}`)
    const input = { trackId: track.id, body: '  That bass!\nAgain. ', positionMs: 180_000 }
    const { data, status } = await bob.request(addComment, input, { transport })
    if (transport === 'rest') expect(status).toBe(201)
    const author = { id: bob.id, handle: `bob_${transport}`, displayName: `Bob_${transport}` }
    const viewer = { canDelete: true }
    expect(data).toMatchObject({ author, body: 'That bass!\nAgain.', positionMs: 180_000, viewer })
    const { data: added } = await recorder.waitFor('interactions.commentAdded')
    expect({ ...(added.comment as object), viewer }).toEqual(data)
    expect(added).toMatchObject({ ownerId: ann.id, comment: { author }, counts: { comments: 1, rev: 2 } })
    expect(await ann.call(getTrack, { trackId: track.id }, { transport })).toMatchObject({
      counts: { comments: 1 },
    })
  })

  it('answers a repeated key with the first comment', async () => {
    const bob = await testApp.signIn(`cas_${transport}`)
    const { id: trackId } = await makeTrack(bob.id)
    const add = (body: string) =>
      bob.request(
        addComment,
        { trackId, body, positionMs: 0 },
        { transport, idempotencyKey: `one-${transport}-${trackId}` },
      )
    const replies = await Promise.all([add('Hello'), add('Hello'), add('Hello')])
    expect(new Set(replies.map(({ data }) => (data as { id: string }).id)).size).toBe(1)
    expect((await add('Something else')).error).toMatchObject({ code: 'idempotency_key_reused' })
    expect(await Comment.count({ where: { trackId } })).toBe(1)
  })

  it('rejects the same text on one track within a minute, also concurrently, but not from others or after deletion', async () => {
    const bob = await testApp.signIn(`dan_${transport}`)
    const other = await testApp.signIn(`eli_${transport}`)
    const { id: trackId } = await makeTrack(bob.id)
    const same = { trackId, body: 'First!', positionMs: 1 }
    const replies = await Promise.all(
      [1, 2, 3].map(positionMs => bob.request(addComment, { ...same, positionMs }, { transport })),
    )
    expect(replies.flatMap(({ error }) => error?.code ?? [])).toEqual(['duplicate_comment', 'duplicate_comment'])
    await other.call(addComment, same, { transport })
    await bob.call(addComment, { ...same, trackId: (await makeTrack(bob.id)).id }, { transport })

    const [mine] = await Comment.findAll({ where: { trackId, authorId: bob.id } })
    await bob.call(deleteComment, { commentId: mine?.id ?? '' }, { transport })
    await bob.call(addComment, same, { transport })
    expect(await bob.expectProblem(addComment, same, { transport })).toMatchObject({
      code: 'duplicate_comment',
      status: 409,
    })
    testApp.clock.advance(60_001)
    await bob.call(addComment, same, { transport })
  })

  it('rejects a position beyond the end of the track, and an empty or too long body', async () => {
    const bob = await testApp.signIn(`fay_${transport}`)
    const { id: trackId } = await makeTrack(bob.id, { durationMs: 5_000 })
    const problem = await bob.expectProblem(addComment, { trackId, body: 'Late', positionMs: 5_001 }, { transport })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'positionMs', code: 'too_large' }] })
    for (const body of ['', ' \n ', '\u200b\u200d', 'a'.repeat(1001)]) {
      const { code, errors } = await bob.expectProblem(addComment, { trackId, body, positionMs: 0 }, { transport })
      expect({ code, path: errors?.[0]?.path }).toEqual({ code: 'invalid_input', path: 'body' })
    }
    expect(await bob.expectProblem(addComment, { trackId, body: 'x', positionMs: -1 }, { transport })).toMatchObject({
      errors: [{ path: 'positionMs', code: 'too_small' }],
    })
  })

  it('answers not_found for a hidden track and to a profile the artist blocks', async () => {
    const ann = await testApp.signIn(`gia_${transport}`)
    const bob = await testApp.signIn(`hal_${transport}`)
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const open = await makeTrack(ann.id)
    const input = { trackId: open.id, body: 'Hi', positionMs: 0 }
    expect(await bob.expectProblem(addComment, { ...input, trackId: hidden.id }, { transport })).toMatchObject({
      status: 404,
    })
    await ann.call(blockProfile, { profileId: bob.id })
    expect(await bob.expectProblem(addComment, input, { transport })).toMatchObject({ code: 'not_found' })
  })
})

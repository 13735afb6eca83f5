import { Comment } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { removeComment } from '../../../skills/interactions/remove-comment'
import { getTrack } from '../../../skills/streaming/get-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { makeTrack } from '../../factories'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('commenting over %s', door => {
  it('is counted, shown trimmed, and told to whoever follows the track on the other node', async () => {
    const ann = await world.person('ann')
    const bob = await world.person(`bob_${door}`)
    const track = await makeTrack(ann.id)
    const heard = await ann.hear(`track:${track.id}`)
    const input = { trackId: track.id, body: '  That bass!\nAgain. ', positionMs: 180_000 }
    const { data, status } = await bob.ask(addComment, input, { door })
    if (door === 'rest') expect(status).toBe(201)
    const author = { id: bob.id, handle: `bob_${door}`, displayName: `Bob_${door}` }
    const viewer = { canRemove: true }
    expect(data).toMatchObject({ author, body: 'That bass!\nAgain.', positionMs: 180_000, viewer })
    const { data: told } = await heard.first('interactions.commentAdded')
    expect({ ...(told.comment as object), viewer }).toEqual(data)
    expect(told).toMatchObject({ ownerId: ann.id, by: author, counts: { comments: 1, rev: 2 } })
    expect(await ann.call(getTrack, { trackId: track.id }, { door })).toMatchObject({ counts: { comments: 1 } })
  })

  it('answers a repeated key with the first comment', async () => {
    const bob = await world.person(`cas_${door}`)
    const { id: trackId } = await makeTrack(bob.id)
    const ask = (body: string) =>
      bob.ask(addComment, { trackId, body, positionMs: 0 }, { door, key: `one-${door}-${trackId}` })
    const replies = await Promise.all([ask('Hello'), ask('Hello'), ask('Hello')])
    expect(new Set(replies.map(({ data }) => (data as { id: string }).id)).size).toBe(1)
    expect((await ask('Something else')).error).toMatchObject({ code: 'idempotency_key_reused' })
    expect(await Comment.count({ where: { trackId } })).toBe(1)
  })

  it('refuses the same text within a minute, also at once, but not elsewhere, by others, or once it was removed', async () => {
    const bob = await world.person(`dan_${door}`)
    const other = await world.person(`eli_${door}`)
    const { id: trackId } = await makeTrack(bob.id)
    const same = { trackId, body: 'First!', positionMs: 1 }
    const replies = await Promise.all(
      [1, 2, 3].map(positionMs => bob.ask(addComment, { ...same, positionMs }, { door })),
    )
    expect(replies.flatMap(({ error }) => error?.code ?? [])).toEqual(['duplicate_comment', 'duplicate_comment'])
    await other.call(addComment, same, { door })
    await bob.call(addComment, { ...same, trackId: (await makeTrack(bob.id)).id }, { door })

    const [mine] = await Comment.findAll({ where: { trackId, authorId: bob.id } })
    await bob.call(removeComment, { commentId: mine?.id ?? '' }, { door })
    await bob.call(addComment, same, { door })
    expect(await bob.refused(addComment, same, { door })).toMatchObject({ code: 'duplicate_comment', status: 409 })
    world.clock.advance(60_001)
    await bob.call(addComment, same, { door })
  })

  it('is refused beyond the end of the track, and without words', async () => {
    const bob = await world.person(`fay_${door}`)
    const { id: trackId } = await makeTrack(bob.id, { durationMs: 5_000 })
    const problem = await bob.refused(addComment, { trackId, body: 'Late', positionMs: 5_001 }, { door })
    expect(problem).toMatchObject({ code: 'invalid_input', errors: [{ path: 'positionMs', code: 'too_large' }] })
    for (const body of ['', ' \n ', '\u200b\u200d', 'a'.repeat(1001)]) {
      const { code, errors } = await bob.refused(addComment, { trackId, body, positionMs: 0 }, { door })
      expect({ code, path: errors?.[0]?.path }).toEqual({ code: 'invalid_input', path: 'body' })
    }
    expect(await bob.refused(addComment, { trackId, body: 'x', positionMs: -1 }, { door })).toMatchObject({
      errors: [{ path: 'positionMs', code: 'too_small' }],
    })
  })

  it('is refused on what the listener may not know of, and to whom the artist blocks', async () => {
    const ann = await world.person(`gia_${door}`)
    const bob = await world.person(`hal_${door}`)
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const open = await makeTrack(ann.id)
    const input = { trackId: open.id, body: 'Hi', positionMs: 0 }
    expect(await bob.refused(addComment, { ...input, trackId: hidden.id }, { door })).toMatchObject({ status: 404 })
    await ann.call(blockProfile, { profileId: bob.id })
    expect(await bob.refused(addComment, input, { door })).toMatchObject({ code: 'not_found' })
  })
})

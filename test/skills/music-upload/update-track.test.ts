import { likeTrack } from '../../../skills/interactions/like-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { getTrack } from '../../../skills/streaming/get-track'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeGuest, makeTrack } from '../../factories'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('changing a track over %s', door => {
  it('changes what is given, tells listeners on the other node, and shows at once', async () => {
    const ann = await world.person('ann', { node: 0 })
    const bob = await world.person('bob', { node: 1 })
    const { id: trackId, rev } = await makeTrack(ann.id, { genre: 'House' })
    await bob.call(getTrack, { trackId }, { door })
    const heard = await bob.hear(`track:${trackId}`)

    const changed = await ann.call(updateTrack, { trackId, title: 'New', genre: null, rev }, { door })
    expect(changed).toMatchObject({
      title: 'New',
      genre: null,
      description: '',
      rev: rev + 1,
      viewer: { canEdit: true },
    })
    const { data } = await heard.first('music-upload.trackChanged')
    const { viewer, ...shared } = changed
    expect(viewer).toBeDefined()
    expect(data.track).toEqual(shared)
    expect(await bob.call(getTrack, { trackId }, { door })).toMatchObject(shared)
  })

  it('does nothing, and tells nobody, when nothing is new', async () => {
    const ann = await world.person('ann')
    const { id: trackId, title, rev } = await makeTrack(ann.id)
    const heard = await ann.hear(`user:${ann.id}`)
    expect(await ann.call(updateTrack, { trackId, title }, { door })).toMatchObject({ rev })
    await ann.call(updateTrack, { trackId, title: 'Other' }, { door })
    await heard.first('music-upload.trackChanged')
    await heard.all(world.world)
    expect(heard.events).toHaveLength(1)
  })

  it('refuses an edit of what was changed meanwhile, and shows what is there', async () => {
    const ann = await world.person('ann')
    const { id: trackId, rev } = await makeTrack(ann.id)
    const now = await ann.call(updateTrack, { trackId, title: 'First', rev }, { door })
    const problem = await ann.refused(updateTrack, { trackId, title: 'Second', rev }, { door })
    expect(problem).toMatchObject({ code: 'stale_revision', status: 409, current: now })
    const replies = await Promise.all(
      ['a', 'b', 'c', 'd'].map(title => ann.ask(updateTrack, { trackId, title, rev: now.rev }, { door })),
    )
    expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(1)
  })

  it('does not mind what listeners did meanwhile', async () => {
    const ann = await world.person('ann')
    const fans = await Promise.all(['bob', 'cat', 'dan'].map(name => world.person(name)))
    const { id: trackId, rev } = await makeTrack(ann.id)
    for (const fan of fans) await fan.call(likeTrack, { trackId }, { door })
    await world.settle()
    const ifMatch = door === 'rest' ? { headers: { 'if-match': `"${rev}"` } } : {}
    const wish = { trackId, title: 'Loved', ...(door === 'rest' ? {} : { rev }) }
    const changed = await ann.call(updateTrack, wish, { door, ...ifMatch })
    expect(changed).toMatchObject({ title: 'Loved', rev: rev + 1, counts: { likes: 3 } })
    await fans[0]?.call(unlikeTrack, { trackId }, { door })
    await world.settle()
    const stale = await ann.refused(updateTrack, { ...wish, title: 'Late' }, { door, ...ifMatch })
    const current = await ann.call(getTrack, { trackId }, { door })
    expect(stale).toMatchObject({ code: 'stale_revision', status: 409, current })
    expect(current).toMatchObject({ title: 'Loved', rev: changed.rev, counts: { likes: 2 } })
    expect(current.counts.rev).toBeGreaterThan(changed.counts.rev)
  })

  it('publishes once in the life of a track, and hides it from those who listen when it turns private', async () => {
    const ann = await world.person('ann')
    const bob = await world.person('bob')
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'unlisted', publishedAt: null })
    await makeGuest(trackId, bob.id)
    const mine = await ann.hear(`user:${ann.id}`)
    const theirs = await bob.hear(`track:${trackId}`)
    const first = await ann.call(updateTrack, { trackId, visibility: 'public' }, { door })
    expect(first.publishedAt).not.toBeNull()

    await ann.call(updateTrack, { trackId, visibility: 'private', title: 'My secret' }, { door })
    await theirs.first('music-upload.trackHidden')
    expect(JSON.stringify(theirs.events)).not.toContain('My secret')
    for (const op of [getTrack, grantStream])
      expect(await bob.refused(op, { trackId }, { door })).toMatchObject({ code: 'not_found' })
    expect(await bob.refused(updateTrack, { trackId, title: 'Mine' }, { door })).toMatchObject({ code: 'not_found' })

    const again = await ann.call(updateTrack, { trackId, visibility: 'public' }, { door })
    expect(again.publishedAt).toBe(first.publishedAt)
    await mine.first('music-upload.trackChanged', ({ track }) => (track as { rev: number }).rev === again.rev)
    expect(mine.names().filter(name => name.endsWith('trackPublished'))).toHaveLength(1)
  })

  it('is for its artist alone', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')]
    const moderator = await world.person('mod', { roles: ['moderator'] })
    const { id: trackId } = await makeTrack(ann.id)
    for (const other of [bob, moderator])
      expect(await other.refused(updateTrack, { trackId, title: 'x' }, { door })).toMatchObject({ code: 'forbidden' })
    const problem = await ann.refused(updateTrack, { trackId, title: ' ', visibility: 'secret' }, { door })
    expect(problem.errors?.map(({ path }) => path)).toEqual(['title', 'visibility'])
  })
})

describe.each(doors)('removing a track over %s', door => {
  it('takes it away from everybody at once and for good, by its artist or a moderator', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')]
    const moderator = await world.person('mod', { roles: ['moderator'] })
    for (const remover of [ann, moderator]) {
      const { id: trackId } = await makeTrack(ann.id)
      await world.world.storage.put(`audio/${trackId}/x.mp3`, Buffer.from('x'), 'audio/mpeg')
      const heard = await bob.hear(`track:${trackId}`)
      await bob.call(getTrack, { trackId }, { door })
      expect(await bob.refused(removeTrack, { trackId }, { door })).toMatchObject({ code: 'forbidden' })

      expect(await remover.call(removeTrack, { trackId }, { door })).toEqual({ done: true })
      expect(await remover.call(removeTrack, { trackId }, { door })).toEqual({ done: true })
      await heard.first('music-upload.trackRemoved', data => data.trackId === trackId)
      for (const person of [ann, bob, moderator])
        for (const op of [getTrack, grantStream])
          expect(await person.refused(op, { trackId }, { door })).toMatchObject({ code: 'not_found' })
      expect(await bob.refused(removeTrack, { trackId }, { door })).toMatchObject({ code: 'not_found' })
      expect(heard.names()).toEqual(['music-upload.trackRemoved'])
      await world.work()
      expect(await world.world.storage.head(`audio/${trackId}/x.mp3`)).toBeUndefined()
    }
  })

  it('does not tell whether a private track is there', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')]
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private' })
    expect(await bob.refused(removeTrack, { trackId }, { door })).toMatchObject({ code: 'not_found' })
  })
})

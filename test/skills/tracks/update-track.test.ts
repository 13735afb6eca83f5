import { likeTrack } from '../../../skills/interactions/like-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('updating a track over %s', transport => {
  it('changes the given fields, notifies followers on the other node, and shows in reads at once', async () => {
    const ann = await testApp.signIn('ann', { node: 0 })
    const bob = await testApp.signIn('bob', { node: 1 })
    const { id: trackId, rev } = await makeTrack(ann.id, { genre: 'House' })
    await bob.call(getTrack, { trackId }, { transport })
    const recorder = await bob.recordEvents(`track:${trackId}`)

    const changed = await ann.call(updateTrack, { trackId, title: 'New', genre: null, rev }, { transport })
    expect(changed).toMatchObject({
      title: 'New',
      genre: null,
      description: '',
      rev: rev + 1,
      viewer: { canEdit: true },
    })
    const { data } = await recorder.waitFor('tracks.trackChanged')
    const { viewer, ...shared } = changed
    expect(viewer).toBeDefined()
    expect(data.track).toEqual(shared)
    expect(await bob.call(getTrack, { trackId }, { transport })).toMatchObject(shared)
  })

  it('does nothing and emits no event when nothing changes', async () => {
    const ann = await testApp.signIn('ann')
    const { id: trackId, title, rev } = await makeTrack(ann.id)
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    expect(await ann.call(updateTrack, { trackId, title }, { transport })).toMatchObject({ rev })
    await ann.call(updateTrack, { trackId, title: 'Other' }, { transport })
    await recorder.waitFor('tracks.trackChanged')
    await recorder.waitForAll(testApp.app)
    expect(recorder.events).toHaveLength(1)
  })

  it('refuses an older revision, and answers with the current track', async () => {
    const ann = await testApp.signIn('ann')
    const { id: trackId, rev } = await makeTrack(ann.id)
    const now = await ann.call(updateTrack, { trackId, title: 'First', rev }, { transport })
    const problem = await ann.expectProblem(updateTrack, { trackId, title: 'Second', rev }, { transport })
    expect(problem).toMatchObject({ code: 'stale_revision', status: 409, current: now })
    const replies = await Promise.all(
      ['a', 'b', 'c', 'd'].map(title => ann.request(updateTrack, { trackId, title, rev: now.rev }, { transport })),
    )
    expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(1)
  })

  it('is not refused because counts changed', async () => {
    const ann = await testApp.signIn('ann')
    const fans = await Promise.all(['bob', 'cat', 'dan'].map(name => testApp.signIn(name)))
    const { id: trackId, rev } = await makeTrack(ann.id)
    for (const fan of fans) await fan.call(likeTrack, { trackId }, { transport })
    await testApp.applyCounters()
    const ifMatch = transport === 'rest' ? { headers: { 'if-match': `"${rev}"` } } : {}
    const input = { trackId, title: 'Loved', ...(transport === 'rest' ? {} : { rev }) }
    const changed = await ann.call(updateTrack, input, { transport, ...ifMatch })
    expect(changed).toMatchObject({ title: 'Loved', rev: rev + 1, counts: { likes: 3 } })
    await fans[0]?.call(unlikeTrack, { trackId }, { transport })
    await testApp.applyCounters()
    const stale = await ann.expectProblem(updateTrack, { ...input, title: 'Late' }, { transport, ...ifMatch })
    const current = await ann.call(getTrack, { trackId }, { transport })
    expect(stale).toMatchObject({ code: 'stale_revision', status: 409, current })
    expect(current).toMatchObject({ title: 'Loved', rev: changed.rev, counts: { likes: 2 } })
    expect(current.counts.rev).toBeGreaterThan(changed.counts.rev)
  })

  it('publishes a track once, and hides it from followers of its channel when it becomes private', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'unlisted', publishedAt: null })
    await makeTrackLinkHolder(trackId, bob.id)
    const mine = await ann.recordEvents(`user:${ann.id}`)
    const theirs = await bob.recordEvents(`track:${trackId}`)
    const first = await ann.call(updateTrack, { trackId, visibility: 'public' }, { transport })
    expect(first.publishedAt).not.toBeNull()

    await ann.call(updateTrack, { trackId, visibility: 'private', title: 'My secret' }, { transport })
    await theirs.waitFor('tracks.trackVisibilityNarrowed')
    expect(JSON.stringify(theirs.events)).not.toContain('My secret')
    for (const op of [getTrack, grantStream])
      expect(await bob.expectProblem(op, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await bob.expectProblem(updateTrack, { trackId, title: 'Mine' }, { transport })).toMatchObject({
      code: 'not_found',
    })

    const again = await ann.call(updateTrack, { trackId, visibility: 'public' }, { transport })
    expect(again.publishedAt).toBe(first.publishedAt)
    await mine.waitFor('tracks.trackChanged', ({ track }) => (track as { rev: number }).rev === again.rev)
    expect(mine.names().filter(name => name.endsWith('trackPublished'))).toHaveLength(1)
  })

  it('is allowed only to its artist', async () => {
    const [ann, bob] = [await testApp.signIn('ann'), await testApp.signIn('bob')]
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    const { id: trackId } = await makeTrack(ann.id)
    for (const other of [bob, moderator])
      expect(await other.expectProblem(updateTrack, { trackId, title: 'x' }, { transport })).toMatchObject({
        code: 'forbidden',
      })
    const problem = await ann.expectProblem(updateTrack, { trackId, title: ' ', visibility: 'secret' }, { transport })
    expect(problem.errors?.map(({ path }) => path)).toEqual(['title', 'visibility'])
  })
})

describe.each(transports)('deleting a track over %s', transport => {
  it('hides it from everybody at once and deletes its objects, by its artist or a moderator', async () => {
    const [ann, bob] = [await testApp.signIn('ann'), await testApp.signIn('bob')]
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    for (const remover of [ann, moderator]) {
      const { id: trackId } = await makeTrack(ann.id)
      await testApp.app.storage.put(`audio/${trackId}/x.mp3`, Buffer.from('x'), 'audio/mpeg')
      const recorder = await bob.recordEvents(`track:${trackId}`)
      await bob.call(getTrack, { trackId }, { transport })
      expect(await bob.expectProblem(deleteTrack, { trackId }, { transport })).toMatchObject({
        code: 'forbidden',
      })

      expect(await remover.call(deleteTrack, { trackId }, { transport })).toEqual({ done: true })
      expect(await remover.call(deleteTrack, { trackId }, { transport })).toEqual({ done: true })
      await recorder.waitFor('tracks.trackDeleted', data => data.trackId === trackId)
      for (const person of [ann, bob, moderator])
        for (const op of [getTrack, grantStream])
          expect(await person.expectProblem(op, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
      expect(await bob.expectProblem(deleteTrack, { trackId }, { transport })).toMatchObject({
        code: 'not_found',
      })
      expect(recorder.names()).toEqual(['tracks.trackDeleted'])
      await testApp.runJobs()
      expect(await testApp.app.storage.head(`audio/${trackId}/x.mp3`)).toBeUndefined()
    }
  })

  it('does not reveal whether a private track exists', async () => {
    const [ann, bob] = [await testApp.signIn('ann'), await testApp.signIn('bob')]
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private' })
    expect(await bob.expectProblem(deleteTrack, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
  })
})

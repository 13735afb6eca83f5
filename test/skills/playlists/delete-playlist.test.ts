import { PlaylistItem } from '../../../models'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../../skills/playlists/delete-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { makeTrack } from '../../factories'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('deleting a playlist over %s', transport => {
  it('happens once, however often requested, and followers are notified', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Short-lived' })
    const { id: trackId } = await makeTrack(bob.id)
    await ann.call(addItem, { playlistId, trackId })
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const replies = await Promise.all([1, 2, 3].map(() => ann.call(deletePlaylist, { playlistId }, { transport })))
    expect(replies).toEqual([{ done: true }, { done: true }, { done: true }])
    expect(await recorder.waitFor('playlists.playlistDeleted')).toMatchObject({ data: { playlistId, rev: 3 } })
    expect(await ann.call(deletePlaylist, { playlistId }, { transport })).toEqual({ done: true })
    expect(recorder.names().filter(name => name !== 'playlists.itemAdded')).toEqual(['playlists.playlistDeleted'])
    expect(await PlaylistItem.count({ where: { playlistId } })).toBe(0)

    for (const person of [ann, bob])
      expect((await person.expectProblem(getPlaylist, { playlistId }, { transport })).code).toBe('not_found')
    expect((await bob.expectProblem(deletePlaylist, { playlistId }, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(addItem, { playlistId, trackId }, { transport })).code).toBe('not_found')
  })

  it('is refused to others', async () => {
    const ann = await testApp.signIn('ann')
    const bob = await testApp.signIn('bob')
    const { id: open } = await ann.call(createPlaylist, { title: 'Open' })
    const { id: hidden } = await ann.call(createPlaylist, { title: 'Hidden', visibility: 'private' })
    expect((await bob.expectProblem(deletePlaylist, { playlistId: open }, { transport })).code).toBe('forbidden')
    expect((await bob.expectProblem(deletePlaylist, { playlistId: hidden }, { transport })).code).toBe('not_found')
    expect((await ann.call(getPlaylist, { playlistId: open }, { transport })).id).toBe(open)
  })

  it('is allowed to moderators, and notifies the owner', async () => {
    const ann = await testApp.signIn('ann')
    const moderator = await testApp.signIn('moderator', { roles: ['moderator'] })
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Reported' })
    const ownerRecorder = await ann.recordEvents(`user:${ann.id}`)
    const removed = await moderator.call(deletePlaylist, { playlistId }, { transport })
    expect(await moderator.call(deletePlaylist, { playlistId }, { transport })).toEqual(removed)
    await ownerRecorder.waitFor('playlists.playlistDeleted', data => data.playlistId === playlistId)
  })
})

import { PlaylistItem } from '../../../models'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../../skills/playlists/delete-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { makeTrack } from '../../factories'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('deleting a playlist over %s', door => {
  it('is done once, however often, and followers are told', async () => {
    const ann = await world.person('ann')
    const bob = await world.person('bob')
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Short-lived' })
    const { id: trackId } = await makeTrack(bob.id)
    await ann.call(addItem, { playlistId, trackId })
    const heard = await bob.hear(`playlist:${playlistId}`)
    const replies = await Promise.all([1, 2, 3].map(() => ann.call(deletePlaylist, { playlistId }, { door })))
    expect(replies).toEqual([{ done: true }, { done: true }, { done: true }])
    expect(await heard.first('playlists.playlistDeleted')).toMatchObject({ data: { playlistId, rev: 3 } })
    expect(await ann.call(deletePlaylist, { playlistId }, { door })).toEqual({ done: true })
    expect(heard.names().filter(name => name !== 'playlists.itemAdded')).toEqual(['playlists.playlistDeleted'])
    expect(await PlaylistItem.count({ where: { playlistId } })).toBe(0)

    for (const person of [ann, bob])
      expect((await person.refused(getPlaylist, { playlistId }, { door })).code).toBe('not_found')
    expect((await bob.refused(deletePlaylist, { playlistId }, { door })).code).toBe('not_found')
    expect((await ann.refused(addItem, { playlistId, trackId }, { door })).code).toBe('not_found')
  })

  it('is not for others', async () => {
    const ann = await world.person('ann')
    const bob = await world.person('bob')
    const { id: open } = await ann.call(createPlaylist, { title: 'Open' })
    const { id: hidden } = await ann.call(createPlaylist, { title: 'Hidden', visibility: 'private' })
    expect((await bob.refused(deletePlaylist, { playlistId: open }, { door })).code).toBe('forbidden')
    expect((await bob.refused(deletePlaylist, { playlistId: hidden }, { door })).code).toBe('not_found')
    expect((await ann.call(getPlaylist, { playlistId: open }, { door })).id).toBe(open)
  })

  it('is for moderators too, and its owner is told', async () => {
    const ann = await world.person('ann')
    const moderator = await world.person('moderator', { roles: ['moderator'] })
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'Reported' })
    const own = await ann.hear(`user:${ann.id}`)
    const removed = await moderator.call(deletePlaylist, { playlistId }, { door })
    expect(await moderator.call(deletePlaylist, { playlistId }, { door })).toEqual(removed)
    await own.first('playlists.playlistDeleted', data => data.playlistId === playlistId)
  })
})

import { Block } from '../../../models'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../../skills/playlists/delete-playlist'
import { listProfilePlaylists } from '../../../skills/playlists/list-profile-playlists'
import { doors, type Reply } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const titles = ({ data }: Reply) => (data as { title: string }[]).map(({ title }) => title)

describe.each(doors)("listing somebody's playlists over %s", door => {
  it('shows others the public ones, and the owner all but the deleted', async () => {
    const ann = await world.person(`ann-${door}`)
    const bob = await world.person('bob')
    for (const visibility of ['public', 'unlisted', 'private'] as const)
      await ann.call(createPlaylist, { title: visibility, visibility })
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'deleted' })
    await ann.call(deletePlaylist, { playlistId })
    const ask = { profileId: ann.id }
    expect(titles(await ann.ask(listProfilePlaylists, ask, { door }))).toEqual(['private', 'unlisted', 'public'])
    expect(titles(await bob.ask(listProfilePlaylists, ask, { door }))).toEqual(['public'])
  })

  it('goes on where a page ended, whatever was made meanwhile', async () => {
    const ann = await world.person(`pages-${door}`)
    for (const title of ['1', '2', '3', '4', '5']) await ann.call(createPlaylist, { title })
    const first = await ann.ask(listProfilePlaylists, { profileId: ann.id, limit: 2 }, { door })
    await ann.call(createPlaylist, { title: '6' })
    const second = await ann.ask(listProfilePlaylists, next(first), { door })
    const third = await ann.ask(listProfilePlaylists, next(second), { door })
    expect([first, second, third].map(titles)).toEqual([['5', '4'], ['3', '2'], ['1']])
    expect(third.page).toEqual({ next: null, hasMore: false })

    function next({ page }: Reply) {
      return { profileId: ann.id, limit: 2, cursor: page?.next ?? '' }
    }
  })

  it('is an empty page for somebody without any, and nothing at all for somebody blocked', async () => {
    const ann = await world.person(`empty-${door}`)
    const bob = await world.person(`blocked-${door}`)
    expect(titles(await bob.ask(listProfilePlaylists, { profileId: ann.id }, { door }))).toEqual([])
    await Block.create({ blockerId: ann.id, blockedId: bob.id, createdAt: new Date() })
    expect((await bob.refused(listProfilePlaylists, { profileId: ann.id }, { door })).code).toBe('not_found')
  })
})

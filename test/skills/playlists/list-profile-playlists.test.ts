import { Block } from '../../../models'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { deletePlaylist } from '../../../skills/playlists/delete-playlist'
import { listProfilePlaylists } from '../../../skills/playlists/list-profile-playlists'
import { transports, type Reply } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const titles = ({ data }: Reply) => (data as { title: string }[]).map(({ title }) => title)

describe.each(transports)("listing a profile's playlists over %s", transport => {
  it('shows others the public playlists, and the owner all except deleted ones', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const bob = await testApp.signIn('bob')
    for (const visibility of ['public', 'unlisted', 'private'] as const)
      await ann.call(createPlaylist, { title: visibility, visibility })
    const { id: playlistId } = await ann.call(createPlaylist, { title: 'deleted' })
    await ann.call(deletePlaylist, { playlistId })
    const input = { profileId: ann.id }
    expect(titles(await ann.request(listProfilePlaylists, input, { transport }))).toEqual([
      'private',
      'unlisted',
      'public',
    ])
    expect(titles(await bob.request(listProfilePlaylists, input, { transport }))).toEqual(['public'])
  })

  it('continues where a page ended, although playlists are created meanwhile', async () => {
    const ann = await testApp.signIn(`pages-${transport}`)
    for (const title of ['1', '2', '3', '4', '5']) await ann.call(createPlaylist, { title })
    const first = await ann.request(listProfilePlaylists, { profileId: ann.id, limit: 2 }, { transport })
    await ann.call(createPlaylist, { title: '6' })
    const second = await ann.request(listProfilePlaylists, next(first), { transport })
    const third = await ann.request(listProfilePlaylists, next(second), { transport })
    expect([first, second, third].map(titles)).toEqual([['5', '4'], ['3', '2'], ['1']])
    expect(third.page).toEqual({ next: null, hasMore: false })

    function next({ page }: Reply) {
      return { profileId: ann.id, limit: 2, cursor: page?.next ?? '' }
    }
  })

  it('answers an empty page without playlists, and not_found across a block', async () => {
    const ann = await testApp.signIn(`empty-${transport}`)
    const bob = await testApp.signIn(`blocked-${transport}`)
    expect(titles(await bob.request(listProfilePlaylists, { profileId: ann.id }, { transport }))).toEqual([])
    await Block.create({ blockerId: ann.id, blockedId: bob.id, createdAt: new Date() })
    expect((await bob.expectProblem(listProfilePlaylists, { profileId: ann.id }, { transport })).code).toBe('not_found')
  })
})

import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { listProfilePlaylists } from '../../../skills/playlists/list-profile-playlists'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

describe.each(doors)('making a playlist over %s', door => {
  it('answers with an empty public one of your own, and tells your other devices', async () => {
    const ann = await world.person(`ann-${door}`)
    const heard = await ann.hear(`user:${ann.id}`)
    const made = await ann.call(createPlaylist, { title: '  Sunday  ', description: 'slow' }, { door })
    expect(made).toMatchObject({
      title: 'Sunday',
      description: 'slow',
      visibility: 'public',
      owner: { id: ann.id },
      trackCount: 0,
      durationMs: 0,
      rev: 1,
      viewer: { canEdit: true },
    })
    const { data } = await heard.first('playlists.playlistCreated')
    expect(data).toMatchObject({ playlistId: made.id, ownerId: ann.id, title: 'Sunday', rev: 1 })
  })

  it('makes one only, however often it is sent with its key', async () => {
    const bob = await world.person(`bob-${door}`)
    const send = () => bob.call(createPlaylist, { title: 'Once' }, { door, key: 'once' })
    const [first, ...others] = await Promise.all([send(), send(), send()])
    for (const other of others) expect(other).toEqual(first)
    expect(await bob.call(listProfilePlaylists, { profileId: bob.id })).toHaveLength(1)
    const other = await bob.refused(createPlaylist, { title: 'Other' }, { door, key: 'once' })
    expect(other.code).toBe('idempotency_key_reused')
  })

  it.each([[{ title: '' }], [{ title: 'x'.repeat(201) }], [{ title: 'fine', visibility: 'secret' }], [{}]])(
    'refuses %j',
    async input => {
      const ann = await world.person('ann')
      expect(await ann.refused(createPlaylist, input, { door })).toMatchObject({ code: 'invalid_input', status: 400 })
    },
  )
})

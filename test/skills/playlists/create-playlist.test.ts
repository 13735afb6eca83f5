import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { listProfilePlaylists } from '../../../skills/playlists/list-profile-playlists'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe.each(transports)('creating a playlist over %s', transport => {
  it('answers with an empty public playlist, and notifies the other devices', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const created = await ann.call(createPlaylist, { title: '  Sunday  ', description: 'slow' }, { transport })
    expect(created).toMatchObject({
      title: 'Sunday',
      description: 'slow',
      visibility: 'public',
      owner: { id: ann.id },
      trackCount: 0,
      durationMs: 0,
      rev: 1,
      viewer: { canEdit: true },
    })
    const { data } = await recorder.waitFor('playlists.playlistCreated')
    expect(data).toMatchObject({ playlistId: created.id, ownerId: ann.id, title: 'Sunday', rev: 1 })
  })

  it('creates one when repeated with the same idempotency key', async () => {
    const bob = await testApp.signIn(`bob-${transport}`)
    const send = () => bob.call(createPlaylist, { title: 'Once' }, { transport, idempotencyKey: 'once' })
    const [first, ...others] = await Promise.all([send(), send(), send()])
    for (const other of others) expect(other).toEqual(first)
    expect(await bob.call(listProfilePlaylists, { profileId: bob.id })).toHaveLength(1)
    const other = await bob.expectProblem(createPlaylist, { title: 'Other' }, { transport, idempotencyKey: 'once' })
    expect(other.code).toBe('idempotency_key_reused')
  })

  it.each([[{ title: '' }], [{ title: 'x'.repeat(201) }], [{ title: 'fine', visibility: 'secret' }], [{}]])(
    'refuses %j',
    async input => {
      const ann = await testApp.signIn('ann')
      expect(await ann.expectProblem(createPlaylist, input, { transport })).toMatchObject({
        code: 'invalid_input',
        status: 400,
      })
    },
  )
})

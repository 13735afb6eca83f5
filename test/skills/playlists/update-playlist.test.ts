import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { updatePlaylist } from '../../../skills/playlists/update-playlist'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const createPlaylistAndFollower = async () => {
  const ann = await testApp.signIn('ann')
  const bob = await testApp.signIn('bob')
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Old', description: 'kept' })
  return { ann, bob, playlistId }
}

describe.each(transports)('updating a playlist over %s', transport => {
  it('changes the given fields, increments the revision, and notifies followers on the other node once', async () => {
    const { ann, bob, playlistId } = await createPlaylistAndFollower()
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const changed = await ann.call(updatePlaylist, { playlistId, title: 'New' }, { transport })
    expect(changed).toMatchObject({ title: 'New', description: 'kept', rev: 2 })
    expect(await ann.call(updatePlaylist, { playlistId, title: 'New' }, { transport })).toEqual(changed)
    await ann.call(updatePlaylist, { playlistId, description: '' }, { transport })
    const last = await recorder.waitFor('playlists.playlistChanged', ({ rev }) => rev === 3)
    expect(last.data).toMatchObject({ playlistId, title: 'New', description: '', visibility: 'public' })
    expect(recorder.events.map(({ data }) => data.rev)).toEqual([2, 3])
  })

  it('refuses a revision that is not the newest, and answers with the current playlist', async () => {
    const { ann, playlistId } = await createPlaylistAndFollower()
    await ann.call(updatePlaylist, { playlistId, title: 'First', rev: 1 }, { transport })
    const problem = await ann.expectProblem(updatePlaylist, { playlistId, title: 'Second', rev: 1 }, { transport })
    expect(problem).toMatchObject({ code: 'stale_revision', current: { title: 'First', rev: 2 } })
  })

  it('accepts exactly one of several concurrent updates of the same revision', async () => {
    const { ann, playlistId } = await createPlaylistAndFollower()
    const requests = ['a', 'b', 'c', 'd'].map(title =>
      ann.request(updatePlaylist, { playlistId, title, rev: 1 }, { transport }),
    )
    const replies = await Promise.all(requests)
    expect(replies.filter(({ error }) => error === undefined)).toHaveLength(1)
    expect((await ann.call(getPlaylist, { playlistId })).rev).toBe(2)
  })

  it('is allowed only to the owner; others get not_found for a private playlist', async () => {
    const { ann, bob, playlistId } = await createPlaylistAndFollower()
    expect(await bob.expectProblem(updatePlaylist, { playlistId, title: 'Mine' }, { transport })).toMatchObject({
      code: 'forbidden',
    })
    await ann.call(updatePlaylist, { playlistId, visibility: 'private' }, { transport })
    expect(await bob.expectProblem(updatePlaylist, { playlistId, title: 'Mine' }, { transport })).toMatchObject({
      code: 'not_found',
    })
  })

  it('notifies its followers that it is hidden, without other fields, and of nothing after that', async () => {
    const { ann, bob, playlistId } = await createPlaylistAndFollower()
    const follower = await bob.recordEvents(`playlist:${playlistId}`)
    const socket = await bob.socket()
    const closed = new Promise(resolve => socket.once('channel.closed', resolve))
    const owner = await ann.recordEvents(`user:${ann.id}`)
    const isAboutPlaylist = ({ data }: { data: Record<string, unknown> }) => data.playlistId === playlistId
    await ann.call(updatePlaylist, { playlistId, visibility: 'private', title: 'Hidden' }, { transport })
    expect(await closed).toMatchObject({ channel: `playlist:${playlistId}`, problem: { code: 'not_found' } })
    await ann.call(updatePlaylist, { playlistId, title: 'Still hidden' }, { transport })
    await ann.call(updatePlaylist, { playlistId, visibility: 'unlisted', title: 'Back' }, { transport })
    await owner.waitFor('playlists.playlistChanged', ({ title }) => title === 'Back')
    expect(owner.events.filter(isAboutPlaylist).map(({ data }) => data.rev)).toEqual([2, 3, 4])
    // Events arrive in order: any further event of the hidden playlist would have arrived by now.
    const again = await bob.recordEvents(`playlist:${playlistId}`)
    await ann.call(updatePlaylist, { playlistId, title: 'Seen' }, { transport })
    await again.waitFor('playlists.playlistChanged', ({ title }) => title === 'Seen')
    const [hidden, ...later] = follower.events
    expect(hidden).toMatchObject({ name: 'playlists.playlistHidden', data: { playlistId, rev: 2 } })
    expect(hidden?.data).not.toHaveProperty('title')
    expect(later.map(({ data }) => data.title)).not.toContain('Still hidden')
  })
})

it('takes the revision from If-Match', async () => {
  const { ann, playlistId } = await createPlaylistAndFollower()
  const headers = { 'if-match': '"7"' }
  const problem = await ann.expectProblem(updatePlaylist, { playlistId, title: 'Late' }, { headers })
  expect(problem.code).toBe('stale_revision')
})

it('cannot be followed by profiles that may not see it', async () => {
  const { ann, bob, playlistId } = await createPlaylistAndFollower()
  await ann.call(updatePlaylist, { playlistId, visibility: 'private' })
  await expect(bob.recordEvents(`playlist:${playlistId}`)).rejects.toThrow('not_found')
})

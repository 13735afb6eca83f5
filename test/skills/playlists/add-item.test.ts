import { PlaylistItem } from '../../../models'
import { newId } from '../../../kernel/pipeline/new-id'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { evenRanks } from '../../../skills/playlists/rank-between'
import { playlistItemsMax } from '../../../skills/playlists/views'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const freshPlaylist = async () => (await ann.call(createPlaylist, { title: 'Mixed' })).id
const titles = async (playlistId: string) =>
  (await ann.call(getPlaylist, { playlistId })).items.map(({ track }) => track?.title)

describe.each(transports)('adding to a playlist over %s', transport => {
  it('puts a track at the end, first, or after another item, and accepts the same track again', async () => {
    const playlistId = await freshPlaylist()
    const add = async (title: string, after?: string | null) => {
      const { id: trackId } = await makeTrack(bob.id, { title })
      const options = { playlistId, trackId, ...(after === undefined ? {} : { afterItemId: after }) }
      return ann.call(addItem, options, { transport })
    }
    const one = await add('one')
    await add('two')
    await add('front', null)
    const last = await add('between', one.item.itemId)
    expect(await titles(playlistId)).toEqual(['front', 'one', 'between', 'two'])
    expect(last).toMatchObject({ playlistId, rev: 5, item: { addedBy: { id: ann.id }, track: { title: 'between' } } })
    const again = await ann.call(addItem, { playlistId, trackId: last.item.track?.id ?? '' }, { transport })
    expect(again.item.itemId).not.toBe(last.item.itemId)
    expect(await titles(playlistId)).toEqual(['front', 'one', 'between', 'two', 'between'])
  })

  it('notifies followers on the other node, with the track', async () => {
    const playlistId = await freshPlaylist()
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const { id: trackId } = await makeTrack(bob.id, { title: 'Loud' })
    const { item } = await ann.call(addItem, { playlistId, trackId }, { transport })
    const { data } = await recorder.waitFor('playlists.itemAdded')
    expect(data).toMatchObject({ playlistId, rev: 2, item: { itemId: item.itemId, rank: item.rank, trackId } })
    expect(data.item).toHaveProperty('track.title', 'Loud')
    expect(data.item).not.toHaveProperty('track.viewer')
  })

  it.each([[{ visibility: 'private' }], [{ visibility: 'unlisted' }], [{ state: 'processing' }]] as const)(
    'publishes only the id of a track that is %j',
    async options => {
      const playlistId = await freshPlaylist()
      const recorder = await bob.recordEvents(`playlist:${playlistId}`)
      const { id: trackId } = await makeTrack(ann.id, { title: 'Top secret', ...options })
      const { item } = await ann.call(addItem, { playlistId, trackId }, { transport })
      expect(item.track?.title).toBe('Top secret')
      const event = await recorder.waitFor('playlists.itemAdded')
      expect(event.data.item).toMatchObject({ trackId, track: null })
      expect(JSON.stringify(event)).not.toContain('Top secret')
    },
  )

  it('adds once when repeated with the same idempotency key', async () => {
    const playlistId = await freshPlaylist()
    const { id: trackId } = await makeTrack(bob.id)
    const send = () => ann.call(addItem, { playlistId, trackId }, { transport, idempotencyKey: `once-${playlistId}` })
    const [first, ...others] = await Promise.all([send(), send(), send()])
    expect(others).toEqual([first, first])
    expect(await titles(playlistId)).toHaveLength(1)
    const other = { playlistId, trackId, afterItemId: null }
    expect((await ann.expectProblem(addItem, other, { transport, idempotencyKey: `once-${playlistId}` })).code).toBe(
      'idempotency_key_reused',
    )
  })

  it('is allowed to the owner, for tracks the owner may see, after an item of the playlist', async () => {
    const playlistId = await freshPlaylist()
    const { id: trackId } = await makeTrack(ann.id)
    const { id: secret } = await makeTrack(bob.id, { visibility: 'private' })
    const nowhere = newId(new Date())
    expect((await bob.expectProblem(addItem, { playlistId, trackId }, { transport })).code).toBe('forbidden')
    expect((await ann.expectProblem(addItem, { playlistId, trackId: secret }, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(addItem, { playlistId: nowhere, trackId }, { transport })).code).toBe('not_found')
    expect(
      await ann.expectProblem(addItem, { playlistId, trackId, afterItemId: nowhere }, { transport }),
    ).toMatchObject({
      code: 'item_not_in_playlist',
      status: 409,
      current: { playlistId, rev: 1, ranks: [] },
    })
    expect(await ann.call(getPlaylist, { playlistId })).toMatchObject({ rev: 1, items: [] })
  })

  it('keeps the limit of items, also when many are added at once', async () => {
    const playlistId = await freshPlaylist()
    const { id: trackId } = await makeTrack(ann.id)
    await fill(playlistId, trackId, playlistItemsMax - 2)
    const requests = [1, 2, 3, 4, 5].map(() => ann.request(addItem, { playlistId, trackId }, { transport }))
    const codes = (await Promise.all(requests)).map(({ error }) => error?.code ?? 'added')
    expect(codes.toSorted()).toEqual(['added', 'added', 'playlist_full', 'playlist_full', 'playlist_full'])
    const { items, rev, trackCount } = await ann.call(getPlaylist, { playlistId })
    expect([items.length, rev, trackCount]).toEqual([playlistItemsMax, 3, playlistItemsMax])
  })

  it('assigns new ranks under the lock when ranks become too long, in a revision of its own', async () => {
    const playlistId = await freshPlaylist()
    const { id: trackId } = await makeTrack(ann.id)
    const [one] = await fill(playlistId, trackId, 3)
    const longRanks = ['z', `z${'0'.repeat(40)}1`, 'zz']
    const items = await PlaylistItem.findAll({ where: { playlistId }, order: ['rank'] })
    for (const [at, item] of items.entries()) await item.update({ rank: longRanks[at] ?? '' })
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const ids = items.map(({ id }) => id)

    const added = await Promise.all(
      [1, 2].map(() => ann.call(addItem, { playlistId, trackId, afterItemId: one ?? '' }, { transport })),
    )
    const [later, earlier] = added.toSorted((a, b) => b.rev - a.rev).map(({ item }) => item.itemId)
    const seen = await ann.call(getPlaylist, { playlistId })
    expect(seen.items.map(({ itemId }) => itemId)).toEqual([one, later, earlier, ...ids.slice(1)])
    expect(seen.items.every(({ rank }) => rank.length <= 5)).toBe(true)
    expect(seen.rev).toBe(4)
    await recorder.waitFor('playlists.itemAdded', ({ rev }) => rev === 4)
    expect(recorder.events.map(({ name, data }) => [name, data.rev])).toEqual([
      ['playlists.itemsMoved', 2],
      ['playlists.itemAdded', 3],
      ['playlists.itemAdded', 4],
    ])
  })
})

/** Inserts items as if they had been added one after the other. */
async function fill(playlistId: string, trackId: string, count: number): Promise<string[]> {
  const now = new Date()
  const rows = evenRanks(count).map(rank => ({
    id: newId(now),
    playlistId,
    trackId,
    addedBy: ann.id,
    rank,
    addedAt: now,
  }))
  await PlaylistItem.bulkCreate(rows)
  return rows.map(({ id }) => id)
}

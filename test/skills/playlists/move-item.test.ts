import { newId } from '../../../kernel/pipeline/new-id'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { moveItem } from '../../../skills/playlists/move-item'
import { removeItem } from '../../../skills/playlists/remove-item'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let trackId: string
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
  trackId = (await makeTrack(ann.id)).id
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** A playlist of three items, at revision 4. */
const threeItems = async () => {
  const { id: playlistId } = await ann.call(createPlaylist, { title: 'Three' })
  const add = async () => (await ann.call(addItem, { playlistId, trackId })).item.itemId
  return { playlistId, a: await add(), b: await add(), c: await add() }
}
const orderOf = async (playlistId: string) =>
  (await ann.call(getPlaylist, { playlistId })).items.map(({ itemId }) => itemId)

describe.each(transports)('moving an item over %s', transport => {
  it('puts it after another or first; a repeated move changes nothing and emits no event', async () => {
    const { playlistId, a, b, c } = await threeItems()
    const recorder = await bob.recordEvents(`playlist:${playlistId}`)
    const moved = await ann.call(moveItem, { playlistId, itemId: c, afterItemId: a }, { transport })
    expect(await orderOf(playlistId)).toEqual([a, c, b])
    expect(moved).toMatchObject({ playlistId, itemId: c, rev: 5 })
    expect(await ann.call(moveItem, { playlistId, itemId: c, afterItemId: a }, { transport })).toEqual(moved)
    expect(await ann.call(moveItem, { playlistId, itemId: c, afterItemId: c }, { transport })).toEqual(moved)

    await ann.call(moveItem, { playlistId, itemId: b, afterItemId: null }, { transport })
    expect(await orderOf(playlistId)).toEqual([b, a, c])
    const last = await recorder.waitFor('playlists.itemsMoved', ({ rev }) => rev === 6)
    expect(last.data).toMatchObject({ playlistId, ranks: [{ itemId: b }] })
    const since = recorder.events.map(({ data }) => Number(data.rev)).filter(rev => rev > 4)
    expect(since).toEqual([5, 6])
  })

  it('addresses items, so an old revision is accepted while both items exist', async () => {
    const { playlistId, a, b, c } = await threeItems()
    await ann.call(moveItem, { playlistId, itemId: a, afterItemId: c, rev: 4 }, { transport })
    await ann.call(moveItem, { playlistId, itemId: c, afterItemId: b, rev: 4 }, { transport })
    await ann.call(moveItem, { playlistId, itemId: b, afterItemId: a, rev: 4 }, { transport })
    expect(await orderOf(playlistId)).toEqual([c, a, b])
  })

  it('refuses with the current order when one of the two items was removed', async () => {
    const { playlistId, a, b, c } = await threeItems()
    await ann.call(removeItem, { playlistId, itemId: b })
    const refusal = {
      code: 'item_not_in_playlist',
      status: 409,
      current: { rev: 5, ranks: [{ itemId: a }, { itemId: c }] },
    }
    const afterRemoved = { playlistId, itemId: c, afterItemId: b }
    expect(await ann.expectProblem(moveItem, afterRemoved, { transport })).toMatchObject(refusal)
    expect(await ann.expectProblem(moveItem, { ...afterRemoved, rev: 4 }, { transport })).toMatchObject(refusal)
    expect(
      await ann.expectProblem(moveItem, { playlistId, itemId: b, afterItemId: a, rev: 4 }, { transport }),
    ).toMatchObject(refusal)
    expect((await ann.expectProblem(moveItem, { playlistId, itemId: b, afterItemId: a }, { transport })).code).toBe(
      'not_found',
    )
    expect(await orderOf(playlistId)).toEqual([a, c])
  })

  it('accepts only items of the same playlist, and only its owner', async () => {
    const mine = await threeItems()
    const other = await threeItems()
    const input = { playlistId: mine.playlistId, itemId: mine.a, afterItemId: mine.c }
    expect((await bob.expectProblem(moveItem, input, { transport })).code).toBe('forbidden')
    expect((await ann.expectProblem(moveItem, { ...input, itemId: other.a }, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(moveItem, { ...input, afterItemId: other.a }, { transport })).code).toBe(
      'item_not_in_playlist',
    )
    const nowhere = { ...input, playlistId: newId(new Date()) }
    expect((await ann.expectProblem(moveItem, nowhere, { transport })).code).toBe('not_found')
    expect((await ann.expectProblem(moveItem, { ...input, afterItemId: 'first' }, { transport })).code).toBe(
      'invalid_input',
    )
  })

  it('loses and duplicates no item in concurrent moves', async () => {
    const { playlistId, a, b, c } = await threeItems()
    const moves = [
      [a, c],
      [c, b],
      [b, null],
      [a, b],
      [c, null],
    ] as const
    await Promise.all(
      moves.map(([itemId, after]) => ann.call(moveItem, { playlistId, itemId, afterItemId: after }, { transport })),
    )
    expect((await orderOf(playlistId)).toSorted()).toEqual([a, b, c].toSorted())
  })
})

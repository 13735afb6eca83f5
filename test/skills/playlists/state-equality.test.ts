import fc from 'fast-check'
import { type AnswerOf } from '../../../kernel/operation'
import { addItem } from '../../../skills/playlists/add-item'
import { createPlaylist } from '../../../skills/playlists/create-playlist'
import { getPlaylist } from '../../../skills/playlists/get-playlist'
import { moveItem } from '../../../skills/playlists/move-item'
import { removeItem } from '../../../skills/playlists/remove-item'
import { updatePlaylist } from '../../../skills/playlists/update-playlist'
import { getTrack } from '../../../skills/streaming/get-track'
import { makeTrack } from '../../factories'
import { type Heard, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

type Snapshot = AnswerOf<typeof getPlaylist>
type Item = Snapshot['items'][number]

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

it('an old snapshot and the events since are the new snapshot, for the owner and for others', async () => {
  const phone = await world.person('ann', { node: 0 })
  const laptop = await world.person('ann', { node: 1 })
  const bob = await world.person('bob', { node: 1 })
  const tracks = [
    await makeTrack(phone.id, { title: 'open', durationMs: 1 }),
    await makeTrack(phone.id, { title: 'by link', durationMs: 20, visibility: 'unlisted' }),
    await makeTrack(phone.id, { title: 'secret', durationMs: 300, visibility: 'private' }),
    await makeTrack(bob.id, { title: "bob's", durationMs: 4_000 }),
  ]
  const { id: playlistId } = await phone.call(createPlaylist, { title: 'Ours' })
  for (const { id: trackId } of [...tracks, ...tracks]) await phone.call(addItem, { playlistId, trackId })

  const ears = [await laptop.hear(`user:${laptop.id}`), await bob.hear(`playlist:${playlistId}`)] as const
  const before = [await laptop.call(getPlaylist, { playlistId }), await bob.call(getPlaylist, { playlistId })] as const
  const known = before[0].items.map(({ itemId }) => itemId)

  for (let round = 0; round < 5; round += 1) {
    const chances = fc.sample(fc.nat(), 8)
    const device = (at: number) => (at % 2 === 0 ? phone : laptop)
    await Promise.all(chances.map((chance, at) => actAtRandom(device(at), chance, playlistId, known)))
  }

  const after = [await laptop.call(getPlaylist, { playlistId }), await bob.call(getPlaylist, { playlistId })] as const
  expect(after[0].rev).toBeGreaterThan(before[0].rev)
  for (const [at, person] of [laptop, bob].entries()) {
    const [ear, old, fresh] = [ears[at], before[at], after[at]]
    if (ear === undefined || old === undefined || fresh === undefined) throw new Error('one for each')
    await heardUpTo(ear.events, fresh.rev)
    expect(await applied(old, ear.events, person)).toEqual(withoutViewer(fresh))
  }

  /** Any of the changes; one of two that contradict each other may be refused, but only for that reason. */
  async function actAtRandom(person: Person, chance: number, playlist: string, items: readonly string[]) {
    const pick = <T>(from: readonly T[], by: number) => from[by % from.length] ?? null
    const itemId = pick(items, chance >> 3) ?? ''
    const behind = pick([null, ...items], chance >> 7)
    const trackId = pick(tracks, chance >> 5)?.id ?? ''
    const reply = await [
      () => person.ask(addItem, { playlistId: playlist, trackId, after: behind }, { door: 'socket' }),
      () => person.ask(addItem, { playlistId: playlist, trackId }),
      () => person.ask(moveItem, { playlistId: playlist, itemId, after: behind, rev: 9 }, { door: 'socket' }),
      () => person.ask(moveItem, { playlistId: playlist, itemId, after: behind, rev: 9 }),
      () => person.ask(removeItem, { playlistId: playlist, itemId: items[chance % 4] ?? '' }),
      () => person.ask(updatePlaylist, { playlistId: playlist, title: `Title ${chance % 10}` }),
    ][chance % 6]?.()
    expect(reply?.error?.code ?? 'item_gone').toBe('item_gone')
  }
})

async function heardUpTo(events: readonly Heard[], rev: number): Promise<void> {
  const until = Date.now() + 8_000
  while (!events.some(({ data }) => data.rev === rev)) {
    if (Date.now() > until) throw new Error(`revision ${rev} was not heard`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** What a client does: events in the order of their revisions, none twice, no gap; tracks it was not told, it asks for. */
async function applied(snapshot: Snapshot, events: readonly Heard[], person: Person): Promise<Snapshot> {
  let state = withoutViewer(snapshot)
  for (const { name, data } of events) {
    const event = data as unknown as EventData
    if (event.playlistId !== state.id || event.rev <= state.rev) continue
    expect(event.rev).toBe(state.rev + 1)
    const { title = state.title, description = state.description, visibility, rev, updatedAt } = event
    const items = await itemsAfter(name, event, state.items, person)
    state = { ...state, title, description, visibility, rev, updatedAt, items: inOrder(items), ...summed(items) }
  }
  return state
}

type EventData = Pick<Snapshot, 'visibility' | 'rev' | 'updatedAt'> &
  Partial<Pick<Snapshot, 'title' | 'description'>> & {
    playlistId: string
    item?: Item & { trackId: string }
    places?: { itemId: string; rank: string }[]
    itemId?: string
  }

async function itemsAfter(name: string, event: EventData, items: readonly Item[], person: Person): Promise<Item[]> {
  if (name === 'playlists.itemAdded' && event.item !== undefined) {
    const { trackId, ...item } = event.item
    const { data = null } = item.track === null ? await person.ask(getTrack, { trackId }) : {}
    return [...items, plain({ ...item, track: item.track ?? (data as Item['track']) })]
  }
  const ranks = new Map((event.places ?? []).map(({ itemId, rank }) => [itemId, rank]))
  const kept = name === 'playlists.itemRemoved' ? items.filter(({ itemId }) => itemId !== event.itemId) : items
  return kept.map(item => ({ ...item, rank: ranks.get(item.itemId) ?? item.rank }))
}

const inOrder = (items: readonly Item[]) => items.toSorted((a, b) => (a.rank < b.rank ? -1 : 1))

const summed = (items: readonly Item[]) => ({
  trackCount: items.filter(({ track }) => track !== null).length,
  durationMs: items.reduce((sum, { track }) => sum + (track?.durationMs ?? 0), 0),
})

/** What a track is to the viewer is not part of the playlist. */
const withoutViewer = (snapshot: Snapshot): Snapshot => ({ ...snapshot, items: snapshot.items.map(plain) })

function plain(item: Item): Item {
  if (item.track === null) return item
  const track = { ...item.track }
  delete track.viewer
  return { ...item, track }
}

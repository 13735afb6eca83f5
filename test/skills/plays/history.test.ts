import { clearHistory } from '../../../skills/plays/clear-history'
import { getPlaying } from '../../../skills/plays/get-playing'
import { isHistoryKept } from '../../../skills/plays/is-history-kept'
import { keepHistory } from '../../../skills/plays/keep-history'
import { listHistory } from '../../../skills/plays/list-history'
import { openPlay } from '../../../skills/plays/open-play'
import { tellProgress } from '../../../skills/plays/tell-progress'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { listening } from './stage'

let world: TestWorld
let ann: Person
let on: ReturnType<typeof listening>
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  on = listening(world)
})
afterAll(() => world[Symbol.asyncDispose]())

const tracks = async (count: number) => {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) ids.push((await makeTrack(ann.id)).id)
  return ids
}
const heardBy = async (person: Person) => (await person.call(listHistory, {})).map(({ track }) => track.id)

describe.each(doors)('the history over %s', door => {
  it('holds each track once that was really listened to, the latest first, page by page', async () => {
    const bob = await world.person(`bob-${door}`)
    const [one = '', two = '', three = '', glance = ''] = await tracks(4)
    for (const trackId of [one, two, three, one]) await on.play(bob, trackId, 31_000)
    await on.play(bob, glance, 5_000)
    const first = await bob.ask(listHistory, { limit: 2 }, { door })
    expect(first).toMatchObject({ data: [{ track: { id: one } }, { track: { id: three } }], page: { hasMore: true } })
    const rest = await bob.ask(listHistory, { limit: 2, cursor: first.page?.next }, { door })
    expect(rest).toMatchObject({ data: [{ track: { id: two } }], page: { next: null } })
  })
})

it('the history is its owner’s to pause and to clear, which changes nothing for artists', async () => {
  const eve = await world.person('eve')
  const [one = '', two = '', three = ''] = await tracks(3)
  expect(await eve.call(isHistoryKept, {})).toEqual({ isKept: true })
  await on.play(eve, one, 31_000)
  expect(await eve.call(keepHistory, { isKept: false })).toEqual({ isKept: false })
  expect(await eve.call(isHistoryKept, {})).toEqual({ isKept: false })
  await on.play(eve, two, 31_000)
  expect(await heardBy(eve)).toEqual([one])
  expect(await eve.call(clearHistory, {})).toEqual({ done: true })
  expect(await eve.call(clearHistory, {})).toEqual({ done: true })
  expect(await heardBy(eve)).toEqual([])
  await eve.call(keepHistory, { isKept: true })
  await on.play(eve, three, 31_000)
  expect(await heardBy(eve)).toEqual([three])
  for (const trackId of [one, two, three]) expect(await on.totals(ann, trackId)).toEqual({ counted: 1 })
})

it('the history shows nothing that one may see no longer, and is nobody else’s', async () => {
  const fay = await world.person('fay')
  const [one = '', two = ''] = await tracks(2)
  for (const trackId of [one, two]) await on.play(fay, trackId, 31_000)
  await ann.call(updateTrack, { trackId: two, visibility: 'private' })
  expect(await heardBy(fay)).toEqual([one])
  expect(await heardBy(ann)).toEqual([])
})

it('one goes on with it on another device, which is told at once', async () => {
  const gil = await world.person('gil')
  expect(await gil.call(getPlaying, {})).toBeNull()
  const [trackId = ''] = await tracks(1)
  const ear = await gil.hear(`user:${gil.id}`)
  const { id: playId } = await gil.call(openPlay, { trackId, device: 'Phone' })
  await ear.first('plays.playMoved', ({ isOver }) => isOver === false)
  world.clock.advance(42_000)
  await gil.call(tellProgress, { playId, positionMs: 41_500, listenedMs: 42_000 })
  expect(await gil.call(getPlaying, {}, { door: 'socket' })).toMatchObject({
    playId,
    track: { id: trackId },
    device: 'Phone',
    positionMs: 41_500,
  })
  await gil.call(tellProgress, { playId, positionMs: 50_000, listenedMs: 42_000, isOver: true })
  const { data } = await ear.first('plays.playMoved', ({ isOver }) => isOver === true)
  expect(data).toMatchObject({ playId, trackId, device: 'Phone', positionMs: 50_000 })
  await ann.call(updateTrack, { trackId, visibility: 'private' })
  expect(await gil.call(getPlaying, {})).toBeNull()
})

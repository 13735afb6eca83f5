import { newId } from '../../../kernel/ids'
import { likeTrack } from '../../../skills/interactions/like-track'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { moveReadMarker } from '../../../skills/notifications/move-read-marker'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => world.person(`${name}${(people += 1)}`)

/** Somebody with so many unread notifications, the latest first. */
async function notified(times: number) {
  const ann = await someone('ann')
  const bob = await someone('bob')
  const like = async () => bob.call(likeTrack, { trackId: (await makeTrack(ann.id)).id })
  for (let time = 0; time < times; time += 1) await like()
  await world.settle()
  return { ann, like, listed: await ann.call(listNotifications, {}) }
}

const readOf = async (person: Person) => (await person.call(listNotifications, {})).map(({ read }) => read)

describe.each(doors)('the read marker over %s', door => {
  it('covers everything up to an instant, on all devices, and is told once', async () => {
    const { ann, listed } = await notified(3)
    const other = await world.person(ann.name, { node: 1 })
    const ear = await other.hear(`user:${ann.id}`)
    const until = listed[1]?.at ?? ''
    const moved = await ann.call(moveReadMarker, { until }, { door })
    expect(moved).toEqual({ readUntil: until, unreadCount: 1, more: false })
    expect(await ann.call(moveReadMarker, { until }, { door })).toEqual(moved)
    expect(await readOf(other)).toEqual([false, true, true])

    await ann.call(moveReadMarker, { until: listed[0]?.at ?? '' }, { door })
    const last = await ear.first('notifications.readMarkerMoved', data => data.unreadCount === 0)
    expect(last.data).toEqual({ recipientId: ann.id, readUntil: listed[0]?.at, unreadCount: 0, more: false })
    await ear.all(world.world)
    expect(ear.names().filter(name => name === 'notifications.readMarkerMoved')).toHaveLength(2)
  })

  it("takes a notification for an instant, but nobody else's", async () => {
    const { ann, listed } = await notified(2)
    const stranger = await someone('eve')
    const until = listed[1]?.id ?? ''
    expect(await stranger.refused(moveReadMarker, { until }, { door })).toMatchObject({ code: 'not_found' })
    expect(await ann.refused(moveReadMarker, { until: newId(new Date()) }, { door })).toMatchObject({ status: 404 })
    expect(await ann.call(moveReadMarker, { until }, { door })).toMatchObject({ readUntil: listed[1]?.at })
    expect(await readOf(ann)).toEqual([false, true])
  })

  it('never moves back', async () => {
    const { ann, listed } = await notified(2)
    const [latest, first] = listed.map(({ at }) => at)
    await ann.call(moveReadMarker, { until: latest ?? '' }, { door })
    const answer = await ann.call(moveReadMarker, { until: first ?? '' }, { door })
    expect(answer).toEqual({ readUntil: latest, unreadCount: 0, more: false })
  })

  it('never runs ahead of what has happened', async () => {
    const { ann, like, listed } = await notified(1)
    const answer = await ann.call(moveReadMarker, { until: '2999-01-01T00:00:00.000Z' }, { door })
    expect(answer).toMatchObject({ readUntil: listed[0]?.at })
    await like()
    await world.settle()
    expect(await readOf(ann)).toEqual([false, true])
  })

  it.each(['yesterday', '2026-13-45T00:00:00Z', '2026-01-01', ''])('refuses %j', async until => {
    const ann = await someone('ann')
    expect(await ann.refused(moveReadMarker, { until }, { door })).toMatchObject({ code: 'invalid_input' })
  })
})

it('has nowhere to go where nothing happened yet', async () => {
  const eve = await someone('nobody')
  const answer = await eve.call(moveReadMarker, { until: new Date().toISOString() })
  expect(answer).toEqual({ readUntil: null, unreadCount: 0, more: false })
})

it('starts a new group for what comes after it', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  const cat = await someone('cat')
  const trackId = (await makeTrack(ann.id)).id
  await bob.call(likeTrack, { trackId })
  await world.settle()
  await ann.call(moveReadMarker, { until: '2999-01-01T00:00:00Z' })
  await cat.call(likeTrack, { trackId })
  await world.settle()
  const groups = await ann.call(listNotifications, {})
  expect(groups.map(({ actors, read }) => [actors[0]?.id, read])).toEqual([
    [cat.id, false],
    [bob.id, true],
  ])
})

it('loses nothing that arrives while it moves: it is unread, or it was there to be read', async () => {
  const ann = await someone('ann')
  const fans = await Promise.all(Array.from({ length: 6 }, () => someone('fan')))
  const trackId = (await makeTrack(ann.id)).id
  const reads = [1, 2, 3, 4, 5, 6].map(() => ann.call(moveReadMarker, { until: '2999-01-01T00:00:00Z' }))
  await Promise.all([...fans.map(fan => fan.call(likeTrack, { trackId })), ...reads])
  await world.settle()
  const groups = await ann.call(listNotifications, {})
  expect(groups.reduce((sum, { actorCount }) => sum + actorCount, 0)).toBe(6)
  const marker = await ann.call(moveReadMarker, { until: '2000-01-01T00:00:00Z' })
  for (const { at, read } of groups) expect(read).toBe(marker.readUntil !== null && at <= marker.readUntil)
  const { unreadCount } = await ann.call(getUnreadCount, {})
  expect(unreadCount).toBe(groups.filter(({ read }) => !read).length)
})

import { newId } from '../../../kernel/pipeline/new-id'
import { likeTrack } from '../../../skills/interactions/like-track'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { markRead } from '../../../skills/notifications/mark-read'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => testApp.signIn(`${name}${(people += 1)}`)

/** A person with `count` unread notifications, the latest first. */
async function createNotifications(count: number) {
  const ann = await someone('ann')
  const bob = await someone('bob')
  const like = async () => bob.call(likeTrack, { trackId: (await makeTrack(ann.id)).id })
  for (let index = 0; index < count; index += 1) await like()
  await testApp.applyCounters()
  return { ann, like, listed: await ann.call(listNotifications, {}) }
}

const readOf = async (person: Person) => (await person.call(listNotifications, {})).map(({ read }) => read)

describe.each(transports)('the read marker over %s', transport => {
  it('marks everything up to an instant as read on all devices, and emits one event', async () => {
    const { ann, listed } = await createNotifications(3)
    const other = await testApp.signIn(ann.name, { node: 1 })
    const recorder = await other.recordEvents(`user:${ann.id}`)
    const until = listed[1]?.at ?? ''
    const moved = await ann.call(markRead, { until }, { transport })
    expect(moved).toEqual({ readUntil: until, unreadCount: 1, hasMoreUnread: false })
    expect(await ann.call(markRead, { until }, { transport })).toEqual(moved)
    expect(await readOf(other)).toEqual([false, true, true])

    await ann.call(markRead, { until: listed[0]?.at ?? '' }, { transport })
    const last = await recorder.waitFor('notifications.readMarkerMoved', data => data.unreadCount === 0)
    expect(last.data).toEqual({ recipientId: ann.id, readUntil: listed[0]?.at, unreadCount: 0, hasMoreUnread: false })
    await recorder.waitForAll(testApp.app)
    expect(recorder.names().filter(name => name === 'notifications.readMarkerMoved')).toHaveLength(2)
  })

  it("accepts the id of one's own notification instead of an instant", async () => {
    const { ann, listed } = await createNotifications(2)
    const stranger = await someone('eve')
    const until = listed[1]?.id ?? ''
    expect(await stranger.expectProblem(markRead, { until }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await ann.expectProblem(markRead, { until: newId(new Date()) }, { transport })).toMatchObject({
      status: 404,
    })
    expect(await ann.call(markRead, { until }, { transport })).toMatchObject({ readUntil: listed[1]?.at })
    expect(await readOf(ann)).toEqual([false, true])
  })

  it('never moves back', async () => {
    const { ann, listed } = await createNotifications(2)
    const [latest, first] = listed.map(({ at }) => at)
    await ann.call(markRead, { until: latest ?? '' }, { transport })
    const answer = await ann.call(markRead, { until: first ?? '' }, { transport })
    expect(answer).toEqual({ readUntil: latest, unreadCount: 0, hasMoreUnread: false })
  })

  it('never moves beyond the latest notification', async () => {
    const { ann, like, listed } = await createNotifications(1)
    const answer = await ann.call(markRead, { until: '2999-01-01T00:00:00.000Z' }, { transport })
    expect(answer).toMatchObject({ readUntil: listed[0]?.at })
    await like()
    await testApp.applyCounters()
    expect(await readOf(ann)).toEqual([false, true])
  })

  it.each(['yesterday', '2026-13-45T00:00:00Z', '2026-01-01', ''])('refuses %j', async until => {
    const ann = await someone('ann')
    expect(await ann.expectProblem(markRead, { until }, { transport })).toMatchObject({ code: 'invalid_input' })
  })
})

it('stays null without notifications', async () => {
  const eve = await someone('nobody')
  const answer = await eve.call(markRead, { until: new Date().toISOString() })
  expect(answer).toEqual({ readUntil: null, unreadCount: 0, hasMoreUnread: false })
})

it('starts a new group for later reactions', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  const cat = await someone('cat')
  const trackId = (await makeTrack(ann.id)).id
  await bob.call(likeTrack, { trackId })
  await testApp.applyCounters()
  await ann.call(markRead, { until: '2999-01-01T00:00:00Z' })
  await cat.call(likeTrack, { trackId })
  await testApp.applyCounters()
  const groups = await ann.call(listNotifications, {})
  expect(groups.map(({ actors, read }) => [actors[0]?.id, read])).toEqual([
    [cat.id, false],
    [bob.id, true],
  ])
})

it('loses no notification that arrives concurrently: it is unread, or it was listed before the marker moved', async () => {
  const ann = await someone('ann')
  const fans = await Promise.all(Array.from({ length: 6 }, () => someone('fan')))
  const trackId = (await makeTrack(ann.id)).id
  const reads = [1, 2, 3, 4, 5, 6].map(() => ann.call(markRead, { until: '2999-01-01T00:00:00Z' }))
  await Promise.all([...fans.map(fan => fan.call(likeTrack, { trackId })), ...reads])
  await testApp.applyCounters()
  const groups = await ann.call(listNotifications, {})
  expect(groups.reduce((sum, { actorCount }) => sum + actorCount, 0)).toBe(6)
  const marker = await ann.call(markRead, { until: '2000-01-01T00:00:00Z' })
  for (const { at, read } of groups) expect(read).toBe(marker.readUntil !== null && at <= marker.readUntil)
  const { unreadCount } = await ann.call(getUnreadCount, {})
  expect(unreadCount).toBe(groups.filter(({ read }) => !read).length)
})

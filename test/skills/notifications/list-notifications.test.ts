import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { unblockProfile } from '../../../skills/user-profile/unblock-profile'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => testApp.signIn(`${name}${(people += 1)}`)

const crowd = (size: number) => Promise.all(Array.from({ length: size }, () => someone('fan')))
const unreadOf = async (person: Person) => (await person.call(getUnreadCount, {})).unreadCount

describe.each(transports)('notifications over %s', transport => {
  it('list the reactions of others, each kind with its track and comment, latest first', async () => {
    const ann = await someone('ann')
    const bob = await someone('bob')
    const track = await makeTrack(ann.id, { title: 'Blue' })
    await bob.call(likeTrack, { trackId: track.id }, { transport })
    await bob.call(repostTrack, { trackId: track.id }, { transport })
    await testApp.applyCounters()
    const input = { trackId: track.id, body: '<b>more</b>', positionMs: 1_000 }
    const comment = await bob.call(addComment, input, { transport })
    await bob.call(followProfile, { profileId: ann.id }, { transport })

    const listed = await ann.call(listNotifications, {}, { transport })
    const common = { actors: [expect.objectContaining({ id: bob.id })], actorCount: 1, read: false }
    const trackSummary = { id: track.id, title: 'Blue' }
    expect(listed).toEqual([
      expect.objectContaining({ ...common, kind: 'followed' }),
      expect.objectContaining({
        ...common,
        kind: 'commented',
        track: trackSummary,
        comment: { id: comment.id, body: '<b>more</b>', positionMs: 1_000 },
      }),
      expect.objectContaining({ ...common, kind: 'reposted', track: trackSummary }),
      expect.objectContaining({ ...common, kind: 'liked', track: trackSummary }),
    ])
    expect(await ann.call(getUnreadCount, {}, { transport })).toEqual({ unreadCount: 4, hasMoreUnread: false })
    expect(await bob.call(listNotifications, {}, { transport })).toEqual([])
  })

  it('come in pages, unaffected by new ones', async () => {
    const ann = await someone('ann')
    const bob = await someone('bob')
    const like = async () => {
      const track = await makeTrack(ann.id)
      await bob.call(likeTrack, { trackId: track.id })
      return track.id
    }
    const liked = [await like(), await like(), await like(), await like(), await like()].reverse()
    await testApp.applyCounters()
    const first = await ann.request(listNotifications, { limit: 2 }, { transport })
    await like()
    await testApp.applyCounters()
    const second = await ann.request(listNotifications, { limit: 2, cursor: first.page?.next }, { transport })
    const third = await ann.request(listNotifications, { limit: 2, cursor: second.page?.next }, { transport })
    const pages = [first, second, third].flatMap(({ data }) => data as { track: { id: string } }[])
    expect(pages.map(({ track }) => track.id)).toEqual(liked)
    expect(third.page).toEqual({ next: null, hasMore: false })
  })
})

describe('a group', () => {
  it('counts each actor once and shows the three latest', async () => {
    const ann = await someone('ann')
    const fans = await crowd(5)
    const track = await makeTrack(ann.id)
    for (const fan of fans) await fan.call(likeTrack, { trackId: track.id })
    await testApp.applyCounters()
    const [group, ...others] = await ann.call(listNotifications, {})
    expect(others).toEqual([])
    expect(group?.actorCount).toBe(5)
    expect(group?.actors.map(({ id }) => id)).toEqual([fans[4]?.id, fans[3]?.id, fans[2]?.id])
  })

  it('is one, with an exact count, after concurrent reactions on two nodes', async () => {
    const ann = await someone('ann')
    const fans = await crowd(8)
    const tracks = [await makeTrack(ann.id), await makeTrack(ann.id)]
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    await Promise.all(
      fans.flatMap(fan => [
        ...tracks.flatMap(({ id: trackId }) => [fan.call(likeTrack, { trackId }), fan.call(likeTrack, { trackId })]),
        fan.call(followProfile, { profileId: ann.id }),
      ]),
    )
    await testApp.applyCounters()
    const groups = await ann.call(listNotifications, {})
    expect(groups.map(({ kind, actorCount }) => `${kind} ${actorCount}`).sort()).toEqual([
      'followed 8',
      'liked 8',
      'liked 8',
    ])
    const eventsOf = ({ id }: { id: string }) =>
      recorder.events
        .filter(({ name }) => name === 'notifications.notificationAdded')
        .map(({ data }) => data.notification as (typeof groups)[number])
        .filter(added => added.id === id)
    for (const group of groups) {
      await waitUntil(() => eventsOf(group).at(-1)?.actorCount === 8)
      expect(eventsOf(group).at(-1)).toEqual(group)
      const sizes = eventsOf(group).map(({ actorCount }) => actorCount)
      expect(sizes).toEqual([...new Set(sizes)].sort((one, other) => one - other))
      if (group.kind === 'followed') expect(sizes).toHaveLength(8)
    }
    expect(await unreadOf(ann)).toBe(3)
  })

  it('is published once, with all actors, for reactions within one window', async () => {
    const ann = await someone('ann')
    const [first, ...fans] = await crowd(7)
    const { id: trackId } = await makeTrack(ann.id)
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    // Counter changes cannot be applied until this transaction ends, so they fall into one window.
    await testApp.app.db.transaction(async () => {
      await testApp.app.db.query('select from tracks where id = :trackId for no key update', { trackId })
      await Promise.all(fans.map(fan => fan.call(likeTrack, { trackId })))
      await first?.call(likeTrack, { trackId })
      await first?.call(unlikeTrack, { trackId })
      await ann.call(likeTrack, { trackId })
    })
    await testApp.applyCounters()
    const notificationEvents = () => recorder.events.filter(({ name }) => name.startsWith('notifications.'))
    const sizes = () => notificationEvents().map(({ data }) => (data.notification as { actorCount: number }).actorCount)
    await waitUntil(() => sizes().at(-1) === 6)
    // The first change may have been applied before the rest.
    expect(sizes().length).toBeLessThanOrEqual(2)
    expect(await ann.call(listNotifications, {})).toEqual([notificationEvents().at(-1)?.data.notification])
  })

  it('matches the final likes after concurrent likes and unlikes', async () => {
    const ann = await someone('ann')
    const fans = await crowd(4)
    const track = await makeTrack(ann.id)
    const toggles = fans.flatMap(fan =>
      [likeTrack, unlikeTrack, likeTrack, unlikeTrack].map(op => fan.call(op, { trackId: track.id })),
    )
    await Promise.all(toggles)
    const reactions = await Promise.all(fans.slice(0, 2).map(fan => fan.call(likeTrack, { trackId: track.id })))
    for (const fan of fans.slice(2)) await fan.call(unlikeTrack, { trackId: track.id })
    expect(reactions.every(({ liked }) => liked)).toBe(true)
    await testApp.applyCounters()
    expect(await ann.call(listNotifications, {})).toEqual([expect.objectContaining({ actorCount: 2 })])
  })
})

describe('there is no notification', () => {
  it("of one's own reactions", async () => {
    const ann = await someone('ann')
    const track = await makeTrack(ann.id)
    await ann.call(likeTrack, { trackId: track.id })
    await ann.call(addComment, { trackId: track.id, body: 'mine', positionMs: 0 })
    await testApp.applyCounters()
    expect(await ann.call(listNotifications, {})).toEqual([])
  })

  it('of a blocked profile, as soon as it is blocked; other actors take its place among the three', async () => {
    const ann = await someone('ann')
    const fans = await crowd(5)
    const [first, , , , last] = fans
    const track = await makeTrack(ann.id)
    for (const fan of fans) await fan.call(likeTrack, { trackId: track.id })
    await testApp.applyCounters()
    await last?.call(addComment, { trackId: track.id, body: 'hm', positionMs: 0 })
    expect(await unreadOf(ann)).toBe(2)

    await ann.call(blockProfile, { profileId: last?.id ?? '' })
    const [group, ...others] = await ann.call(listNotifications, {})
    expect(others).toEqual([])
    expect(group).toMatchObject({ kind: 'liked', actorCount: 4 })
    expect(group?.actors.map(({ id }) => id)).toEqual([fans[3]?.id, fans[2]?.id, fans[1]?.id])
    expect(await unreadOf(ann)).toBe(1)

    await first?.call(blockProfile, { profileId: ann.id })
    expect(await ann.call(listNotifications, {})).toEqual([expect.objectContaining({ actorCount: 3 })])
  })

  it('across a block, even where the reaction itself is allowed', async () => {
    const ann = await someone('ann')
    const bob = await someone('bob')
    const track = await makeTrack(ann.id)
    await bob.call(blockProfile, { profileId: ann.id })
    await bob.call(likeTrack, { trackId: track.id })
    await testApp.applyCounters()
    await bob.call(unblockProfile, { profileId: ann.id })
    expect(await ann.call(listNotifications, {})).toEqual([])
  })

  it('of a deleted track', async () => {
    const ann = await someone('ann')
    const bob = await someone('bob')
    const track = await makeTrack(ann.id)
    await bob.call(likeTrack, { trackId: track.id })
    await testApp.applyCounters()
    expect(await unreadOf(ann)).toBe(1)
    await ann.call(deleteTrack, { trackId: track.id })
    expect(await ann.call(listNotifications, {})).toEqual([])
    expect(await unreadOf(ann)).toBe(0)
  })
})

it('rejects a cursor of another list', async () => {
  const ann = await someone('ann')
  const cursor = Buffer.from(JSON.stringify(['tomorrow', 'x'])).toString('base64url')
  expect(await ann.expectProblem(listNotifications, { cursor })).toMatchObject({ code: 'invalid_input' })
})

it('is stored before its event is delivered', async () => {
  const ann = await testApp.signIn('ann-of-0', { node: 0 })
  const bob = await testApp.signIn('bob-of-1', { node: 1 })
  const track = await makeTrack(ann.id)
  const recorder = await ann.recordEvents(`user:${ann.id}`)
  await bob.call(likeTrack, { trackId: track.id })
  const added = await recorder.waitFor('notifications.notificationAdded')
  const listed = await ann.call(listNotifications, {})
  expect(listed).toEqual([added.data.notification])
  expect(added.data).toMatchObject({ unreadCount: 1 })
})

it('counts up to 99 unread and then sets more', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  for (let made = 0; made < 101; made += 1) await makeTrack(ann.id)
  await testApp.app.db.query(
    `insert into notification_inboxes (profile_id, latest_at) values (:ann, now()) returning 1`,
    {
      ann: ann.id,
    },
  )
  await testApp.app.db.query(
    `with made as (
       insert into notifications (id, recipient_id, kind, target_id, track_id, actor_count, latest_at)
       select gen_random_uuid(), owner_id, 'liked', id, id, 1, now() from tracks where owner_id = :ann returning id
     )
     insert into notification_actors (notification_id, actor_id, at, cool_down_until)
     select id, :bob, now(), now() from made returning 1`,
    { ann: ann.id, bob: bob.id },
  )
  expect(await ann.call(getUnreadCount, {})).toEqual({ unreadCount: 99, hasMoreUnread: true })
})

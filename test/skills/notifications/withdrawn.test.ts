import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { deleteComment } from '../../../skills/interactions/delete-comment'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { markRead } from '../../../skills/notifications/mark-read'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => testApp.signIn(`${name}${(people += 1)}`)

const dayMs = 24 * 3_600_000

async function pair() {
  const ann = await someone('ann')
  const bob = await someone('bob')
  return { ann, bob, trackId: (await makeTrack(ann.id)).id }
}

async function readAll(person: Person) {
  const [latest] = await person.call(listNotifications, { limit: 1 })
  if (latest !== undefined) await person.call(markRead, { until: latest.at })
}

const show = async (person: Person) =>
  (await person.call(listNotifications, {})).map(({ kind, actorCount, read }) => ({ kind, actorCount, read }))

describe('what is taken back before it is read', () => {
  it('is withdrawn, and the devices of the recipient hear it', async () => {
    const { ann, bob, trackId } = await pair()
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    await bob.call(likeTrack, { trackId })
    await bob.call(repostTrack, { trackId })
    await bob.call(followProfile, { profileId: ann.id })
    const { id: commentId } = await bob.call(addComment, { trackId, body: 'oh', positionMs: 0 })
    await testApp.applyCounters()
    const stored = await ann.call(listNotifications, {})
    expect(stored).toHaveLength(4)

    await bob.call(unlikeTrack, { trackId })
    await bob.call(unrepostTrack, { trackId })
    await bob.call(unfollowProfile, { profileId: ann.id })
    await ann.call(deleteComment, { commentId })
    await testApp.applyCounters()
    expect(await show(ann)).toEqual([])
    for (const { id } of stored) {
      const heard = await recorder.waitFor('notifications.notificationWithdrawn', data => data.notificationId === id)
      expect(heard.data).toMatchObject({ notification: null })
    }
    expect(await ann.call(getUnreadCount, {})).toEqual({ unreadCount: 0, hasMoreUnread: false })
  })

  it('leaves the others of the group, as recent as the latest of them', async () => {
    const { ann, bob, trackId } = await pair()
    const cat = await someone('cat')
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const [before] = await ann.call(listNotifications, {})
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    await cat.call(likeTrack, { trackId })
    await testApp.applyCounters()
    await cat.call(unlikeTrack, { trackId })
    await testApp.applyCounters()
    expect(await ann.call(listNotifications, {})).toEqual([before])
    const heard = await recorder.waitFor('notifications.notificationWithdrawn')
    expect(heard.data).toMatchObject({ notification: before, unreadCount: 1 })
  })

  it('leaves a group read when the marker had passed all others', async () => {
    const { ann, bob, trackId } = await pair()
    const cat = await someone('cat')
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const [before] = await ann.call(listNotifications, {})
    await cat.call(likeTrack, { trackId })
    await testApp.applyCounters()
    await ann.call(markRead, { until: before?.at ?? '' })
    expect(await show(ann)).toEqual([{ kind: 'liked', actorCount: 2, read: false }])
    await cat.call(unlikeTrack, { trackId })
    await testApp.applyCounters()
    expect(await show(ann)).toEqual([{ kind: 'liked', actorCount: 1, read: true }])
  })

  it('comes back as the one notification that it was', async () => {
    const { ann, bob, trackId } = await pair()
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const first = await ann.call(listNotifications, {})
    for (let times = 0; times < 25; times += 1) {
      await bob.call(unlikeTrack, { trackId })
      if (times < 3) await testApp.applyCounters()
      await bob.call(likeTrack, { trackId })
      if (times < 3) await testApp.applyCounters()
    }
    await testApp.applyCounters()
    expect(await ann.call(listNotifications, {})).toEqual(first)
    expect(await ann.call(getUnreadCount, {})).toMatchObject({ unreadCount: 1 })
  })
})

describe('what is taken back after it was read', () => {
  it('stays as it was read, and doing it again within a day is no news', async () => {
    const { ann, bob } = await pair()
    const profileId = ann.id
    await bob.call(followProfile, { profileId })
    await readAll(ann)
    await bob.call(unfollowProfile, { profileId })
    await bob.call(followProfile, { profileId })
    expect(await show(ann)).toEqual([{ kind: 'followed', actorCount: 1, read: true }])
    expect(await ann.call(getUnreadCount, {})).toMatchObject({ unreadCount: 0 })
  })

  it('is news again a day after it was taken back, and not before', async () => {
    await using later = await createTestApp()
    const ann = await later.signIn('ann')
    const bob = await later.signIn('bob')
    const profileId = ann.id
    await bob.call(followProfile, { profileId })
    await readAll(ann)
    later.clock.advance(dayMs / 2)
    const again = async () => later.signIn('bob')
    await (await again()).call(unfollowProfile, { profileId })
    later.clock.advance(dayMs - 60_000)
    await (await again()).call(followProfile, { profileId })
    const annAgain = await later.signIn('ann')
    expect(await show(annAgain)).toHaveLength(1)
    await (await again()).call(unfollowProfile, { profileId })
    later.clock.advance(dayMs + 60_000)
    await (await again()).call(followProfile, { profileId })
    expect(await show(await later.signIn('ann'))).toEqual([
      { kind: 'followed', actorCount: 1, read: false },
      { kind: 'followed', actorCount: 1, read: true },
    ])
  })
})

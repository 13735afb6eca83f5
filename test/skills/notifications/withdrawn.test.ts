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

async function createArtistAndFan() {
  const ann = await someone('ann')
  const bob = await someone('bob')
  return { ann, bob, trackId: (await makeTrack(ann.id)).id }
}

async function readAll(person: Person) {
  const [latest] = await person.call(listNotifications, { limit: 1 })
  if (latest !== undefined) await person.call(markRead, { until: latest.at })
}

const list = async (person: Person) =>
  (await person.call(listNotifications, {})).map(({ kind, actorCount, read }) => ({ kind, actorCount, read }))

describe('a reaction undone before its notification is read', () => {
  it('withdraws the notification and notifies the devices of the recipient', async () => {
    const { ann, bob, trackId } = await createArtistAndFan()
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
    expect(await list(ann)).toEqual([])
    for (const { id } of stored) {
      const withdrawn = await recorder.waitFor(
        'notifications.notificationWithdrawn',
        data => data.notificationId === id,
      )
      expect(withdrawn.data).toMatchObject({ notification: null })
    }
    expect(await ann.call(getUnreadCount, {})).toEqual({ unreadCount: 0, hasMoreUnread: false })
  })

  it('leaves the other actors of the group, dated by the latest of them', async () => {
    const { ann, bob, trackId } = await createArtistAndFan()
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
    const withdrawn = await recorder.waitFor('notifications.notificationWithdrawn')
    expect(withdrawn.data).toMatchObject({ notification: before, unreadCount: 1 })
  })

  it('leaves the group read when the marker covers all other actors', async () => {
    const { ann, bob, trackId } = await createArtistAndFan()
    const cat = await someone('cat')
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const [before] = await ann.call(listNotifications, {})
    await cat.call(likeTrack, { trackId })
    await testApp.applyCounters()
    await ann.call(markRead, { until: before?.at ?? '' })
    expect(await list(ann)).toEqual([{ kind: 'liked', actorCount: 2, read: false }])
    await cat.call(unlikeTrack, { trackId })
    await testApp.applyCounters()
    expect(await list(ann)).toEqual([{ kind: 'liked', actorCount: 1, read: true }])
  })

  it('restores the same notification when repeated', async () => {
    const { ann, bob, trackId } = await createArtistAndFan()
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const first = await ann.call(listNotifications, {})
    for (let round = 0; round < 25; round += 1) {
      await bob.call(unlikeTrack, { trackId })
      if (round < 3) await testApp.applyCounters()
      await bob.call(likeTrack, { trackId })
      if (round < 3) await testApp.applyCounters()
    }
    await testApp.applyCounters()
    expect(await ann.call(listNotifications, {})).toEqual(first)
    expect(await ann.call(getUnreadCount, {})).toMatchObject({ unreadCount: 1 })
  })
})

describe('a reaction undone after its notification is read', () => {
  it('leaves it read, and a repetition within a day adds none', async () => {
    const { ann, bob } = await createArtistAndFan()
    const profileId = ann.id
    await bob.call(followProfile, { profileId })
    await readAll(ann)
    await bob.call(unfollowProfile, { profileId })
    await bob.call(followProfile, { profileId })
    expect(await list(ann)).toEqual([{ kind: 'followed', actorCount: 1, read: true }])
    expect(await ann.call(getUnreadCount, {})).toMatchObject({ unreadCount: 0 })
  })

  it('adds a new notification when repeated a day after it was undone, and not before', async () => {
    await using laterApp = await createTestApp()
    const ann = await laterApp.signIn('ann')
    const bob = await laterApp.signIn('bob')
    const profileId = ann.id
    await bob.call(followProfile, { profileId })
    await readAll(ann)
    laterApp.clock.advance(dayMs / 2)
    const signInBob = async () => laterApp.signIn('bob')
    await (await signInBob()).call(unfollowProfile, { profileId })
    laterApp.clock.advance(dayMs - 60_000)
    await (await signInBob()).call(followProfile, { profileId })
    const annAgain = await laterApp.signIn('ann')
    expect(await list(annAgain)).toHaveLength(1)
    await (await signInBob()).call(unfollowProfile, { profileId })
    laterApp.clock.advance(dayMs + 60_000)
    await (await signInBob()).call(followProfile, { profileId })
    expect(await list(await laterApp.signIn('ann'))).toEqual([
      { kind: 'followed', actorCount: 1, read: false },
      { kind: 'followed', actorCount: 1, read: true },
    ])
  })
})

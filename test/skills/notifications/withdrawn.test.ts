import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { removeComment } from '../../../skills/interactions/remove-comment'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { moveReadMarker } from '../../../skills/notifications/move-read-marker'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { makeTrack } from '../../factories'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
beforeAll(async () => {
  world = await freshWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => world.person(`${name}${(people += 1)}`)

const dayMs = 24 * 3_600_000

async function pair() {
  const ann = await someone('ann')
  const bob = await someone('bob')
  return { ann, bob, trackId: (await makeTrack(ann.id)).id }
}

async function readAll(person: Person) {
  const [latest] = await person.call(listNotifications, { limit: 1 })
  if (latest !== undefined) await person.call(moveReadMarker, { until: latest.at })
}

const show = async (person: Person) =>
  (await person.call(listNotifications, {})).map(({ kind, actorCount, read }) => ({ kind, actorCount, read }))

describe('what is taken back before it is read', () => {
  it('is withdrawn, and the devices of the recipient hear it', async () => {
    const { ann, bob, trackId } = await pair()
    const ear = await ann.hear(`user:${ann.id}`)
    await bob.call(likeTrack, { trackId })
    await bob.call(repostTrack, { trackId })
    await bob.call(followProfile, { profileId: ann.id })
    const { id: commentId } = await bob.call(addComment, { trackId, body: 'oh', positionMs: 0 })
    await world.settle()
    const stored = await ann.call(listNotifications, {})
    expect(stored).toHaveLength(4)

    await bob.call(unlikeTrack, { trackId })
    await bob.call(unrepostTrack, { trackId })
    await bob.call(unfollowProfile, { profileId: ann.id })
    await ann.call(removeComment, { commentId })
    await world.settle()
    expect(await show(ann)).toEqual([])
    for (const { id } of stored) {
      const heard = await ear.first('notifications.notificationWithdrawn', data => data.notificationId === id)
      expect(heard.data).toMatchObject({ notification: null })
    }
    expect(await ann.call(getUnreadCount, {})).toEqual({ unreadCount: 0, more: false })
  })

  it('leaves the others of the group, as recent as the latest of them', async () => {
    const { ann, bob, trackId } = await pair()
    const cat = await someone('cat')
    await bob.call(likeTrack, { trackId })
    await world.settle()
    const [before] = await ann.call(listNotifications, {})
    const ear = await ann.hear(`user:${ann.id}`)
    await cat.call(likeTrack, { trackId })
    await world.settle()
    await cat.call(unlikeTrack, { trackId })
    await world.settle()
    expect(await ann.call(listNotifications, {})).toEqual([before])
    const heard = await ear.first('notifications.notificationWithdrawn')
    expect(heard.data).toMatchObject({ notification: before, unreadCount: 1 })
  })

  it('leaves a group read when the marker had passed all others', async () => {
    const { ann, bob, trackId } = await pair()
    const cat = await someone('cat')
    await bob.call(likeTrack, { trackId })
    await world.settle()
    const [before] = await ann.call(listNotifications, {})
    await cat.call(likeTrack, { trackId })
    await world.settle()
    await ann.call(moveReadMarker, { until: before?.at ?? '' })
    expect(await show(ann)).toEqual([{ kind: 'liked', actorCount: 2, read: false }])
    await cat.call(unlikeTrack, { trackId })
    await world.settle()
    expect(await show(ann)).toEqual([{ kind: 'liked', actorCount: 1, read: true }])
  })

  it('comes back as the one notification that it was', async () => {
    const { ann, bob, trackId } = await pair()
    await bob.call(likeTrack, { trackId })
    await world.settle()
    const first = await ann.call(listNotifications, {})
    for (let times = 0; times < 25; times += 1) {
      await bob.call(unlikeTrack, { trackId })
      if (times < 3) await world.settle()
      await bob.call(likeTrack, { trackId })
      if (times < 3) await world.settle()
    }
    await world.settle()
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
    await using later = await freshWorld()
    const ann = await later.person('ann')
    const bob = await later.person('bob')
    const profileId = ann.id
    await bob.call(followProfile, { profileId })
    await readAll(ann)
    later.clock.advance(dayMs / 2)
    const again = async () => later.person('bob')
    await (await again()).call(unfollowProfile, { profileId })
    later.clock.advance(dayMs - 60_000)
    await (await again()).call(followProfile, { profileId })
    const annAgain = await later.person('ann')
    expect(await show(annAgain)).toHaveLength(1)
    await (await again()).call(unfollowProfile, { profileId })
    later.clock.advance(dayMs + 60_000)
    await (await again()).call(followProfile, { profileId })
    expect(await show(await later.person('ann'))).toEqual([
      { kind: 'followed', actorCount: 1, read: false },
      { kind: 'followed', actorCount: 1, read: true },
    ])
  })
})

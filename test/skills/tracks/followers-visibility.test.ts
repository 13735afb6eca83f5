import { Client } from 'pg'
import { type Problem } from '../../../kernel/pipeline/refusals'
import { Notification } from '../../../models'
import { getFeed } from '../../../skills/feed/get-feed'
import { updateTrack } from '../../../skills/tracks/update-track'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { getTrack } from '../../../skills/tracks/get-track'
import { listProfileTracks } from '../../../skills/tracks/list-profile-tracks'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { unfollowProfile } from '../../../skills/user-profile/unfollow-profile'
import { emitNumbers, readLoggedData } from '../../emit-numbers'
import { makeTrackLinkHolder, makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { transports, type Person, type Reply } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let testCount = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  testCount += 1
  ann = await testApp.signIn(`ann${testCount}`, { node: 0 })
  bob = await testApp.signIn(`bob${testCount}`, { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const forFollowers = (options: Parameters<typeof makeTrack>[1] = {}) =>
  makeTrack(ann.id, { visibility: 'followers', ...options })

/** Resolves with the problem when the person's channel is closed. */
async function waitForClose(person: Person, channel: string): Promise<Problem> {
  const socket = await person.socket()
  return new Promise(resolve => {
    socket.on('channel.closed', (closeFrame: { channel: string; problem: Problem }) => {
      if (closeFrame.channel === channel) resolve(closeFrame.problem)
    })
  })
}

const followChannel = async (person: Person, channel: string) =>
  (await (await person.socket()).timeout(5_000).emitWithAck('channel.follow', { input: { channel } })) as Reply

it.each(transports)(
  'followers are notified once, find it in their feed, and lose it when they unfollow, over %s',
  async transport => {
    await bob.call(followProfile, { profileId: ann.id }, { transport })
    const { id: trackId } = await makeTrack(ann.id, { visibility: 'private', publishedAt: null, title: 'Ours' })
    const published = await ann.call(updateTrack, { trackId, visibility: 'followers' }, { transport })
    expect(published.publishedAt).not.toBeNull()
    await testApp.runJobs()
    expect(await bob.call(listNotifications, {}, { transport })).toMatchObject([
      { kind: 'published', track: { id: trackId } },
    ])
    expect(await bob.call(getFeed, {}, { transport })).toMatchObject([
      { track: { id: trackId, visibility: 'followers' } },
    ])
    expect(await bob.call(listProfileTracks, { profileId: ann.id }, { transport })).toMatchObject([{ id: trackId }])

    const recorder = await bob.recordEvents(`user:${bob.id}`)
    await bob.call(unfollowProfile, { profileId: ann.id }, { transport })
    await recorder.waitFor('notifications.notificationWithdrawn', data => data.unreadCount === 0)
    for (const list of [listNotifications, getFeed]) expect(await bob.call(list, {}, { transport })).toEqual([])
    expect(await bob.call(listProfileTracks, { profileId: ann.id }, { transport })).toEqual([])
    expect(await bob.expectProblem(getTrack, { trackId }, { transport })).toMatchObject({ code: 'not_found' })

    const open = await ann.call(updateTrack, { trackId, visibility: 'public' }, { transport })
    expect(open.publishedAt).toBe(published.publishedAt)
    await testApp.runJobs()
    expect(await Notification.count({ where: { trackId, kind: 'published' } })).toBe(1)
  },
)

describe('channel access', () => {
  it('unfollowing closes the channels of tracks for followers on the other node, and no others', async () => {
    await bob.call(followProfile, { profileId: ann.id })
    const [followersTrack, publicTrack] = [await forFollowers(), await makeTrack(ann.id)]
    const channel = `track:${followersTrack.id}`
    await bob.recordEvents(channel)
    const open = await bob.recordEvents(`track:${publicTrack.id}`)
    const closed = waitForClose(bob, channel)
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await closed).toMatchObject({ code: 'not_found' })
    expect(await followChannel(bob, channel)).toMatchObject({ error: { code: 'not_found' } })
    await emitNumbers(testApp.app, `track:${publicTrack.id}`, [1])
    await open.waitFor('test.numberEmitted')
  })

  it.each(['the artist', 'the follower'])('a block by %s closes the channel', async who => {
    await bob.call(followProfile, { profileId: ann.id })
    const { id } = await forFollowers()
    await bob.recordEvents(`track:${id}`)
    const closed = waitForClose(bob, `track:${id}`)
    await (who === 'the follower'
      ? bob.call(blockProfile, { profileId: ann.id })
      : ann.call(blockProfile, { profileId: bob.id }))
    expect(await closed).toMatchObject({ code: 'not_found' })
  })

  it('narrowing to followers keeps their channels open, closes others, and publishes no new text to those', async () => {
    const [fan, guest] = [await testApp.signIn(`fan${testCount}`), await testApp.signIn(`guest${testCount}`)]
    await fan.call(followProfile, { profileId: ann.id })
    const { id: trackId } = await makeTrack(ann.id)
    await makeTrackLinkHolder(trackId, guest.id)
    const channel = `track:${trackId}`
    const [ofBob, ofFan] = [await bob.recordEvents(channel), await fan.recordEvents(channel)]
    await guest.recordEvents(channel)

    const closes = [waitForClose(bob, channel), waitForClose(guest, channel)]
    await ann.call(updateTrack, { trackId, visibility: 'followers', title: 'For you' })
    for (const closed of closes) expect(await closed).toMatchObject({ code: 'not_found' })
    await ofFan.waitFor('tracks.trackVisibilityNarrowed')
    await ann.call(updateTrack, { trackId, title: 'For you alone' })
    await ofFan.waitFor('tracks.trackChanged', ({ track }) => (track as { title: string }).title === 'For you alone')
    expect(JSON.stringify(ofBob.events)).not.toContain('For you')

    const fanOut = waitForClose(fan, channel)
    await guest.call(getTrack, { trackId }).catch(() => undefined)
    await ann.call(updateTrack, { trackId, visibility: 'unlisted' })
    expect(await fanOut).toMatchObject({ code: 'not_found' })
    expect(await guest.call(getTrack, { trackId })).toMatchObject({ visibility: 'unlisted' })
  })

  it('access is revoked on all nodes only for artists with tracks for followers', async () => {
    const countAccessRevocations = async () =>
      readLoggedData(testApp.app, `name = 'tracks.followerAccessRevoked'`).then(events => events.length)
    const before = await countAccessRevocations()
    await makeTrack(ann.id)
    await forFollowers({ deletedAt: new Date() })
    await bob.call(followProfile, { profileId: ann.id })
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await countAccessRevocations()).toBe(before)
    await forFollowers()
    await bob.call(followProfile, { profileId: ann.id })
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await countAccessRevocations()).toBe(before + 1)
  })
})

describe('concurrently', () => {
  it('access lost between the access check and joining the channel refuses the join', async () => {
    const { id } = await forFollowers()
    const tab = await testApp.signIn(`bob${testCount}`, { node: 1 })
    await bob.call(followProfile, { profileId: ann.id })
    await tab.recordEvents(`track:${id}`)
    const tabClosed = waitForClose(tab, `track:${id}`)

    const channelAccess = testApp.nodes[1]?.app.channelAccess ?? testApp.app.channelAccess
    const grant = channelAccess.grant.bind(channelAccess)
    const [accessFound, accessLost] = [gate(), gate()]
    channelAccess.grant = async (...which) => {
      await grant(...which)
      accessFound.open()
      await accessLost.opened
    }
    // The check runs with an empty access cache.
    await channelAccess.revoke({ profileId: bob.id })
    const following = followChannel(bob, `track:${id}`)
    await accessFound.opened
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await tabClosed).toMatchObject({ code: 'not_found' })
    accessLost.open()
    expect(await following).toMatchObject({ error: { code: 'not_found' } })
    channelAccess.grant = grant
  })

  it('narrowing a track to followers waits for an unfollow in progress', async () => {
    await bob.call(followProfile, { profileId: ann.id })
    const { id: trackId } = await makeTrack(ann.id)
    await bob.recordEvents(`track:${trackId}`)
    const closed = waitForClose(bob, `track:${trackId}`)
    // Holds the locks of an unfollow that has found no track for followers yet.
    const other = new Client({ connectionString: testApp.variables.DATABASE_URL })
    await other.connect()
    await other.query('begin')
    await other.query('select from profiles where id = any ($1) for no key update', [[ann.id, bob.id]])
    const updating = ann.call(updateTrack, { trackId, visibility: 'followers' })
    const lockWaits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await waitUntil(async () => (await testApp.app.db.query(lockWaits)).length > 0)
    // The waiting update holds no lock on the track: the holder of the profile lock may need that lock.
    await other.query('select from tracks where id = $1 for update nowait', [trackId])
    await other.query('delete from follows where follower_id = $1', [bob.id])
    await other.query('commit')
    await other.end()
    await updating
    expect(await closed).toMatchObject({ code: 'not_found' })
  })

  it('unfollowing while the channel is joined leaves no subscription', async () => {
    const { id } = await forFollowers()
    for (let round = 0; round < 10; round += 1) {
      await bob.call(followProfile, { profileId: ann.id })
      const closed = waitForClose(bob, `track:${id}`)
      const [followed] = await Promise.all([
        followChannel(bob, `track:${id}`),
        bob.call(unfollowProfile, { profileId: ann.id }),
      ])
      if (followed.error === undefined) expect(await closed).toMatchObject({ code: 'not_found' })
      else expect(followed.error).toMatchObject({ code: 'not_found' })
      testApp.clock.advance(60_000)
    }
  })

  it('unfollowing while the track is narrowed to followers leaves no subscription', async () => {
    for (let round = 0; round < 8; round += 1) {
      await bob.call(followProfile, { profileId: ann.id })
      const { id: trackId } = await makeTrack(ann.id)
      await bob.recordEvents(`track:${trackId}`)
      const closed = waitForClose(bob, `track:${trackId}`)
      await Promise.all([
        ann.call(updateTrack, { trackId, visibility: 'followers' }),
        bob.call(unfollowProfile, { profileId: ann.id }),
      ])
      expect(await closed).toMatchObject({ code: 'not_found' })
    }
  })
})

function gate() {
  let open = (): void => undefined
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

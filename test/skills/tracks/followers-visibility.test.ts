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
let told = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  told += 1
  ann = await testApp.signIn(`ann${told}`, { node: 0 })
  bob = await testApp.signIn(`bob${told}`, { node: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const forFollowers = (wish: Parameters<typeof makeTrack>[1] = {}) =>
  makeTrack(ann.id, { visibility: 'followers', ...wish })

/** Resolves when the channel is closed for somebody. */
async function closing(person: Person, channel: string): Promise<Problem> {
  const socket = await person.socket()
  return new Promise(resolve => {
    socket.on('channel.closed', (said: { channel: string; problem: Problem }) => {
      if (said.channel === channel) resolve(said.problem)
    })
  })
}

const followChannel = async (person: Person, channel: string) =>
  (await (await person.socket()).timeout(5_000).emitWithAck('channel.follow', { input: { channel } })) as Reply

it.each(transports)(
  'followers hear of it once, find it in their feed, and lose it when they leave, over %s',
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

describe('live', () => {
  it('whoever stops following is put out of what is for followers, on the other node, and of nothing else', async () => {
    await bob.call(followProfile, { profileId: ann.id })
    const [ours, everybodys] = [await forFollowers(), await makeTrack(ann.id)]
    const channel = `track:${ours.id}`
    await bob.recordEvents(channel)
    const open = await bob.recordEvents(`track:${everybodys.id}`)
    const closed = closing(bob, channel)
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await closed).toMatchObject({ code: 'not_found' })
    expect(await followChannel(bob, channel)).toMatchObject({ error: { code: 'not_found' } })
    await emitNumbers(testApp.app, `track:${everybodys.id}`, [1])
    await open.waitFor('test.numberEmitted')
  })

  it.each(['their artist', 'they'])('a block ends it, when %s set it', async who => {
    await bob.call(followProfile, { profileId: ann.id })
    const { id } = await forFollowers()
    await bob.recordEvents(`track:${id}`)
    const closed = closing(bob, `track:${id}`)
    await (who === 'they'
      ? bob.call(blockProfile, { profileId: ann.id })
      : ann.call(blockProfile, { profileId: bob.id }))
    expect(await closed).toMatchObject({ code: 'not_found' })
  })

  it('a track that narrows keeps whom it is for, and tells the others no new words', async () => {
    const [fan, guest] = [await testApp.signIn(`fan${told}`), await testApp.signIn(`guest${told}`)]
    await fan.call(followProfile, { profileId: ann.id })
    const { id: trackId } = await makeTrack(ann.id)
    await makeTrackLinkHolder(trackId, guest.id)
    const channel = `track:${trackId}`
    const [ofBob, ofFan] = [await bob.recordEvents(channel), await fan.recordEvents(channel)]
    await guest.recordEvents(channel)

    const out = [closing(bob, channel), closing(guest, channel)]
    await ann.call(updateTrack, { trackId, visibility: 'followers', title: 'For you' })
    for (const closed of out) expect(await closed).toMatchObject({ code: 'not_found' })
    await ofFan.waitFor('tracks.trackVisibilityNarrowed')
    await ann.call(updateTrack, { trackId, title: 'For you alone' })
    await ofFan.waitFor('tracks.trackChanged', ({ track }) => (track as { title: string }).title === 'For you alone')
    expect(JSON.stringify(ofBob.events)).not.toContain('For you')

    const fanOut = closing(fan, channel)
    await guest.call(getTrack, { trackId }).catch(() => undefined)
    await ann.call(updateTrack, { trackId, visibility: 'unlisted' })
    expect(await fanOut).toMatchObject({ code: 'not_found' })
    expect(await guest.call(getTrack, { trackId })).toMatchObject({ visibility: 'unlisted' })
  })

  it('all nodes are only asked where an artist has something for followers', async () => {
    const asked = async () =>
      readLoggedData(testApp.app, `name = 'tracks.followerAccessRevoked'`).then(events => events.length)
    const before = await asked()
    await makeTrack(ann.id)
    await forFollowers({ deletedAt: new Date() })
    await bob.call(followProfile, { profileId: ann.id })
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await asked()).toBe(before)
    await forFollowers()
    await bob.call(followProfile, { profileId: ann.id })
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await asked()).toBe(before + 1)
  })
})

describe('at the same moment', () => {
  it('whoever loses the right between being found to have it and being in the channel is not let in', async () => {
    const { id } = await forFollowers()
    const tab = await testApp.signIn(`bob${told}`, { node: 1 })
    await bob.call(followProfile, { profileId: ann.id })
    await tab.recordEvents(`track:${id}`)
    const tabClosed = closing(tab, `track:${id}`)

    const rights = testApp.nodes[1]?.app.channelAccess ?? testApp.app.channelAccess
    const grant = rights.grant.bind(rights)
    const [found, gone] = [gate(), gate()]
    rights.grant = async (...which) => {
      await grant(...which)
      found.open()
      await gone.opened
    }
    // Found out while nothing is remembered of it.
    await rights.revoke({ profileId: bob.id })
    const following = followChannel(bob, `track:${id}`)
    await found.opened
    await bob.call(unfollowProfile, { profileId: ann.id })
    expect(await tabClosed).toMatchObject({ code: 'not_found' })
    gone.open()
    expect(await following).toMatchObject({ error: { code: 'not_found' } })
    rights.grant = grant
  })

  it('a track turns into one for followers after whoever stops following just then has done so', async () => {
    await bob.call(followProfile, { profileId: ann.id })
    const { id: trackId } = await makeTrack(ann.id)
    await bob.recordEvents(`track:${trackId}`)
    const closed = closing(bob, `track:${trackId}`)
    // What ending a follow holds, and has found: no track for followers yet.
    const other = new Client({ connectionString: testApp.variables.DATABASE_URL })
    await other.connect()
    await other.query('begin')
    await other.query('select from profiles where id = any ($1) for no key update', [[ann.id, bob.id]])
    const turning = ann.call(updateTrack, { trackId, visibility: 'followers' })
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await waitUntil(async () => (await testApp.app.db.query(waiting)).length > 0)
    // The track is not held by whoever waits for the profile: who has that may want the track, as an announcement does.
    await other.query('select from tracks where id = $1 for update nowait', [trackId])
    await other.query('delete from follows where follower_id = $1', [bob.id])
    await other.query('commit')
    await other.end()
    await turning
    expect(await closed).toMatchObject({ code: 'not_found' })
  })

  it('whoever stops following while their channel is opened is not left in it', async () => {
    const { id } = await forFollowers()
    for (let round = 0; round < 10; round += 1) {
      await bob.call(followProfile, { profileId: ann.id })
      const closed = closing(bob, `track:${id}`)
      const [followed] = await Promise.all([
        followChannel(bob, `track:${id}`),
        bob.call(unfollowProfile, { profileId: ann.id }),
      ])
      if (followed.error === undefined) expect(await closed).toMatchObject({ code: 'not_found' })
      else expect(followed.error).toMatchObject({ code: 'not_found' })
      testApp.clock.advance(60_000)
    }
  })

  it('whoever stops following while the track turns into one for followers is not left in it', async () => {
    for (let round = 0; round < 8; round += 1) {
      await bob.call(followProfile, { profileId: ann.id })
      const { id: trackId } = await makeTrack(ann.id)
      await bob.recordEvents(`track:${trackId}`)
      const closed = closing(bob, `track:${trackId}`)
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

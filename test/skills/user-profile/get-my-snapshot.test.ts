import { randomUUID } from 'node:crypto'
import { transact } from '../../../kernel/pipeline/transact'
import { registry } from '../../../skills'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { listUploads } from '../../../skills/music-upload/list-uploads'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { getMySnapshot } from '../../../skills/user-profile/get-my-snapshot'
import { getUnreadCount } from '../../../skills/notifications/get-unread-count'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { markRead } from '../../../skills/notifications/mark-read'
import { applyChanges } from '../../../skills/notifications/apply-changes'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { getMe } from '../../../skills/user-profile/get-me'
import { unblockProfile } from '../../../skills/user-profile/unblock-profile'
import { updateMe } from '../../../skills/user-profile/update-me'
import { takeSnapshot } from '../../equality/replica'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput } from '../music-upload/upload-file'
import { pictureInput } from '../pictures/add-picture'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

let people = 0
const someone = (name: string) => testApp.signIn(`${name}${(people += 1)}`)

const upload = (person: Person, fileName: string) =>
  person.call(initiateUpload, uploadInput(Buffer.from(fileName), { fileName }))

describe.each(transports)('getMySnapshot over %s', transport => {
  it('is empty for a new profile', async () => {
    const ann = await someone('ann')
    const { data, position } = await takeSnapshot(ann, getMySnapshot, {}, transport)
    const profile = await ann.call(getMe, {})
    expect(data).toEqual({
      profile,
      unreadCount: 0,
      hasMoreUnread: false,
      notifications: [],
      uploads: [],
      pictures: [],
    })
    expect(position).toMatchObject({ channel: `user:${ann.id}`, offset: 0 })
  })

  it('equals the answers of the lists, in their order, with the position of the user channel', async () => {
    const ann = await someone('ann')
    const bob = await someone('bob')
    const { id: trackId } = await makeTrack(ann.id, { title: 'Blue' })
    await bob.call(likeTrack, { trackId })
    await testApp.applyCounters()
    await bob.call(followProfile, { profileId: ann.id })
    await ann.call(updateMe, { bio: 'Here' })
    for (const name of ['one.mp3', 'two.mp3']) await upload(ann, name)
    const pictures = []
    for (const fileName of ['one.png', 'two.png']) {
      const { picture } = await ann.call(initiatePicture, pictureInput(Buffer.from('x'), { fileName }))
      pictures.unshift(picture)
      testApp.clock.advance(1)
    }

    const { data, position } = await takeSnapshot(ann, getMySnapshot, {}, transport)
    expect(data).toEqual({
      profile: await ann.call(getMe, {}, { transport }),
      ...(await ann.call(getUnreadCount, {}, { transport })),
      notifications: await ann.call(listNotifications, {}, { transport }),
      uploads: await ann.call(listUploads, {}, { transport }),
      pictures,
    })
    expect(data.notifications.map(({ kind }) => kind)).toEqual(['followed', 'liked'])
    expect(data.uploads.map(({ fileName }) => fileName)).toEqual(['two.mp3', 'one.mp3'])
    expect(data).toMatchObject({ profile: { bio: 'Here', counts: { followers: 1 } }, unreadCount: 2 })
    expect(position).toEqual({
      channel: `user:${ann.id}`,
      ...(await testApp.app.channelLog.position(`user:${ann.id}`)),
    })
    await ann.call(markRead, { until: new Date(testApp.clock.now()).toISOString() })
    expect(await ann.call(getMySnapshot, {}, { transport })).toMatchObject({
      unreadCount: 0,
      notifications: [{ read: true }, { read: true }],
    })
  })
})

it('holds only the data of the caller, and accepts no input', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  await upload(ann, 'hers.mp3')
  await bob.call(followProfile, { profileId: ann.id })
  expect(await bob.call(getMySnapshot, {})).toMatchObject({ profile: { id: bob.id }, notifications: [], uploads: [] })
  expect(await bob.expectProblem(getMySnapshot, { profileId: ann.id })).toMatchObject({ code: 'invalid_input' })
  const reply = await requestOverRest(testApp.nodes[0]?.url ?? '', getMySnapshot, {}, {})
  expect(reply).toMatchObject({ error: { code: 'not_signed_in' } })
  expect(reply).not.toHaveProperty('position')
})

it('shows at most the newest 30 notifications and 20 uploads', async () => {
  const ann = await someone('ann')
  const fans = [await someone('bob'), await someone('cid')] as const
  const tracks = await Promise.all(Array.from({ length: 32 }, () => makeTrack(ann.id)))
  for (const [index, { id: trackId }] of tracks.entries()) await fans[index % 2]?.call(likeTrack, { trackId })
  for (let count = 0; count < 22; count += 1) {
    const { upload: initiated } = await upload(ann, `${count}.mp3`)
    await ann.call(abortUpload, { uploadId: initiated.id })
  }
  await testApp.applyCounters()
  const snapshot = await ann.call(getMySnapshot, {})
  expect(snapshot).toMatchObject({ unreadCount: 32, hasMoreUnread: false })
  expect(snapshot.notifications).toEqual(await ann.call(listNotifications, { limit: 30 }))
  expect(snapshot.uploads).toEqual(await ann.call(listUploads, { limit: 20 }))
  expect(snapshot.uploads).toHaveLength(20)
})

describe('the user channel publishes what the snapshot leaves out from then on', () => {
  /** Bob and Cid like Ann's track, and Cid follows her. She has read nothing. */
  async function createNotifications() {
    const [ann, bob, cid] = [await someone('ann'), await someone('bob'), await someone('cid')]
    const { id: trackId } = await makeTrack(ann.id)
    for (const fan of [bob, cid]) await fan.call(likeTrack, { trackId })
    await testApp.applyCounters()
    await cid.call(followProfile, { profileId: ann.id })
    const { notifications } = await ann.call(getMySnapshot, {})
    const [followed, liked] = notifications
    if (followed === undefined || liked === undefined) throw new Error('no notifications')
    return { ann, bob, cid, trackId, followed, liked, recorder: await ann.recordEvents(`user:${ann.id}`) }
  }

  it('after a block: the remaining notification and the unread count; the blocked profile receives nothing', async () => {
    const { ann, cid, followed, liked, recorder } = await createNotifications()
    const atCid = await cid.recordEvents(`user:${cid.id}`)
    await ann.call(blockProfile, { profileId: cid.id })
    const withoutCid = { ...liked, actorCount: 1, actors: liked.actors.filter(({ id }) => id !== cid.id) }
    const withdrawn = await recorder.waitFor(
      'notifications.notificationWithdrawn',
      data => data.notificationId === followed.id,
    )
    expect(withdrawn.data).toMatchObject({ notification: null, unreadCount: 1 })
    const decreased = await recorder.waitFor(
      'notifications.notificationWithdrawn',
      data => data.notificationId === liked.id,
    )
    expect(decreased.data).toMatchObject({ notification: withoutCid, unreadCount: 1 })
    expect(await ann.call(getMySnapshot, {})).toMatchObject({ notifications: [withoutCid], unreadCount: 1 })

    await ann.call(unblockProfile, { profileId: cid.id })
    for (const one of [followed, liked]) {
      const restored = await recorder.waitFor(
        'notifications.notificationAdded',
        data => (data.notification as { id: string }).id === one.id,
      )
      expect(restored.data).toMatchObject({ notification: one, unreadCount: 2 })
    }
    await cid.call(updateMe, { bio: 'the last event' })
    await atCid.waitFor('user-profile.profileChanged')
    expect(atCid.names()).toEqual(['user-profile.profileChanged'])
  })

  it.each([
    ['the first', 0],
    ['the second', 1],
  ])('also after a block concurrent with the notification, when it is %s in her inbox', async (_which, otherCount) => {
    const [ann, bob, cid] = [await someone('ann'), await someone('bob'), await someone('cid')]
    const { id: trackId } = await makeTrack(ann.id)
    if (otherCount === 1) await cid.call(addComment, { trackId, body: 'oh', positionMs: 0 })
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const { db } = testApp.app
    let blocking: Promise<unknown> = Promise.resolve()
    let isBlocked = false
    await transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, async context => {
      await applyChanges(
        { added: [{ recipientId: ann.id, kind: 'followed', actorId: bob.id, targetId: ann.id }] },
        context,
      )
      blocking = ann.call(blockProfile, { profileId: bob.id }).then(() => (isBlocked = true))
      // Reads outside the transaction, because within it pg_stat_activity stays as first read.
      const text = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await waitUntil(async () => isBlocked || (await db.readCommitted({ name: 'waits', text, values: [] })).length > 0)
    })
    await blocking
    const added = await recorder.waitFor('notifications.notificationAdded', data =>
      JSON.stringify(data).includes(bob.id),
    )
    const withdrawn = await recorder.waitFor('notifications.notificationWithdrawn')
    expect(withdrawn.data).toMatchObject({ notification: null, unreadCount: otherCount })
    expect(withdrawn.data.notificationId).toBe((added.data.notification as { id: string }).id)
    const { notifications, unreadCount } = await ann.call(getMySnapshot, {})
    expect([notifications.length, unreadCount]).toEqual([otherCount, otherCount])
  })

  it('after she deletes a track', async () => {
    const { ann, trackId, followed, liked, recorder } = await createNotifications()
    await ann.call(deleteTrack, { trackId })
    const withdrawn = await recorder.waitFor('notifications.notificationWithdrawn')
    expect(withdrawn.data).toMatchObject({ notificationId: liked.id, notification: null, unreadCount: 1 })
    expect(await ann.call(getMySnapshot, {})).toMatchObject({ notifications: [followed], unreadCount: 1 })
  })

  it('nothing after a block or a deleted track without notifications', async () => {
    const { ann, bob, recorder } = await createNotifications()
    const { id: trackId } = await makeTrack(ann.id)
    const stranger = await someone('dan')
    await ann.call(deleteTrack, { trackId })
    await ann.call(blockProfile, { profileId: stranger.id })
    await ann.call(unblockProfile, { profileId: stranger.id })
    await bob.call(blockProfile, { profileId: stranger.id })
    await ann.call(updateMe, { bio: 'the last event' })
    await recorder.waitFor('user-profile.profileChanged')
    expect(recorder.names().filter(name => name.startsWith('notifications.'))).toEqual([])
  })
})

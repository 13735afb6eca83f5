import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { type Track } from '../../../models'
import { registry } from '../../../skills'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { deleteOldNotifications } from '../../../skills/notifications/delete-old-notifications'
import { listNotifications } from '../../../skills/notifications/list-notifications'
import { markRead } from '../../../skills/notifications/mark-read'
import { followersPerBatch, notifyFollowers } from '../../../skills/notifications/notify-followers'
import { blockProfile } from '../../../skills/user-profile/block-profile'
import { followProfile } from '../../../skills/user-profile/follow-profile'
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

const publish = async (artist: Person) => {
  const track = await makeTrack(artist.id, { visibility: 'private', publishedAt: null, title: 'New' })
  await artist.call(updateTrack, { trackId: track.id, visibility: 'public' })
  return track
}

/** Adds followers of the artist that all have the same created_at. */
const addFollowers = ({ id }: Person, count: number) =>
  testApp.app.db.query(
    `with made as (
       insert into profiles (id, subject, handle, display_name, created_at)
       select gen_random_uuid(), :run || n, 'f' || n || '_' || :run, 'Follower', now() from generate_series(1, :many) n
       returning id
     )
     insert into follows (follower_id, followee_id, created_at) select id, :id, now() from made returning 1`,
    { id, many: count, run: randomUUID().slice(0, 8) },
  )

async function notificationCountOf({ id }: Track): Promise<number> {
  const [row] = await testApp.app.db.query<{ count: string }>(
    `select count(*) from notifications where kind = 'published' and track_id = :id`,
    { id },
  )
  return Number(row?.count)
}

const createJobContext = (): JobContext => ({
  app: testApp.app,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transact({ app: testApp.app, registry, actor: null, requestId: 'test' }, work),
})

it('notifies followers, also over the channel, but neither the artist nor profiles across a block', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  const eve = await someone('eve')
  await bob.call(followProfile, { profileId: ann.id })
  await eve.call(followProfile, { profileId: ann.id })
  await ann.call(blockProfile, { profileId: eve.id })
  const recorder = await bob.recordEvents(`user:${bob.id}`)
  const track = await publish(ann)
  await testApp.runJobs()

  const added = await recorder.waitFor('notifications.notificationAdded')
  expect(added.data).toMatchObject({ unreadCount: 1, notification: { kind: 'published', track: { title: 'New' } } })
  expect(await bob.call(listNotifications, {})).toEqual([added.data.notification])
  expect(await eve.call(listNotifications, {})).toEqual([])
  expect((await ann.call(listNotifications, {})).map(({ kind }) => kind)).toEqual(['followed'])

  await ann.call(updateTrack, { trackId: track.id, visibility: 'unlisted' })
  expect(await bob.call(listNotifications, {})).toEqual([])
})

it('notifies every follower in batches, and a second run notifies nobody twice', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  await bob.call(followProfile, { profileId: ann.id })
  await addFollowers(ann, 2 * followersPerBatch + 1)
  const track = await publish(ann)
  await testApp.runJobs()
  expect(await notificationCountOf(track)).toBe(2 * followersPerBatch + 2)

  await bob.call(markRead, { until: '2999-01-01T00:00:00Z' })
  await testApp.app.jobs.enqueue(notifyFollowers, { trackId: track.id, after: null })
  await testApp.runJobs()
  expect(await notificationCountOf(track)).toBe(2 * followersPerBatch + 2)
  expect(await bob.call(listNotifications, {})).toEqual([expect.objectContaining({ read: true })])
})

it('continues where it stopped, and stops when the track is deleted', async () => {
  const ann = await someone('ann')
  await addFollowers(ann, followersPerBatch + 10)
  const track = await makeTrack(ann.id)
  const failing: JobContext = {
    ...createJobContext(),
    transact: work =>
      createJobContext().transact(async context => {
        await work(context)
        throw new Error('the worker was killed')
      }),
  }
  await expect(notifyFollowers.run({ trackId: track.id, after: null }, failing)).rejects.toThrow('killed')
  expect(await notificationCountOf(track)).toBe(0)
  await notifyFollowers.run({ trackId: track.id, after: null }, createJobContext())
  expect(await notificationCountOf(track)).toBe(followersPerBatch)
  await ann.call(deleteTrack, { trackId: track.id })
  await testApp.runJobs()
  expect(await notificationCountOf(track)).toBe(followersPerBatch)
})

it('deletes notifications after 90 days', async () => {
  const ann = await someone('ann')
  const bob = await someone('bob')
  await bob.call(followProfile, { profileId: ann.id })
  await deleteOldNotifications.run({}, createJobContext())
  expect(await ann.call(listNotifications, {})).toHaveLength(1)
  await testApp.app.db.query(
    `update notifications set latest_at = now() - interval '91 days' where recipient_id = :id returning id`,
    { id: ann.id },
  )
  await deleteOldNotifications.run({}, createJobContext())
  expect(await ann.call(listNotifications, {})).toEqual([])
})

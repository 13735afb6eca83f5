import fc from 'fast-check'
import { Follow } from '../../models'
import { type Visibility } from '../../models/track'
import { addComment } from '../../skills/interactions/add-comment'
import { likeTrack } from '../../skills/interactions/like-track'
import { listComments } from '../../skills/interactions/list-comments'
import { deleteComment } from '../../skills/interactions/delete-comment'
import { repostTrack } from '../../skills/interactions/repost-track'
import { unlikeTrack } from '../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../skills/interactions/unrepost-track'
import { deleteTrack } from '../../skills/tracks/delete-track'
import { updateTrack } from '../../skills/tracks/update-track'
import { getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { getTrack } from '../../skills/tracks/get-track'
import { makeTrackLinkHolder, makeTrack } from '../factories'
import { waitUntil } from '../kernel/wait-until'
import { transports, type Person, type Reply } from '../person'
import { createTestApp, type TestApp } from '../test-app'
import { type ReplicaStart, Replica, takeSnapshot } from './replica'
import { checkStories, storiesTimeoutMs, type Story, runStory } from './stories'
import { type TrackReplica, trackRules } from './track-replica'

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

const actionOf = (...visibilities: Visibility[]) =>
  fc.record({
    who: fc.nat(3),
    what: fc.constantFrom(
      ...(['like', 'like', 'unlike', 'repost', 'unrepost'] as const),
      ...(['comment', 'comment', 'remove', 'words', 'visibility'] as const),
    ),
    visibility: fc.constantFrom(...visibilities),
    which: fc.nat(1_000),
    transport: fc.constantFrom(...transports),
  })
type Action = ReturnType<typeof actionOf> extends fc.Arbitrary<infer D> ? D : never

let stageCount = 0

/** A track, its artist, and listeners on both nodes. */
async function createStage() {
  stageCount += 1
  const ann = await testApp.signIn(`ann${stageCount}`)
  const fans = await Promise.all(['bob', 'cid', 'eve'].map(name => testApp.signIn(`${name}${stageCount}`)))
  const { id: trackId } = await makeTrack(ann.id)
  for (const { id } of fans) {
    await makeTrackLinkHolder(trackId, id)
    await Follow.create({ followerId: id, followeeId: ann.id, createdAt: new Date() })
  }
  const commentIds: string[] = []

  async function perform({ who, what, visibility, which, transport }: Action): Promise<Reply> {
    const person = [...fans, ann][who] ?? ann
    const [body, commentId] = [`so ${which % 40}`, commentIds[which % commentIds.length] ?? trackId]
    const changes = which % 2 === 0 ? { title: `Title ${which % 5}` } : { genre: `Genre ${which % 5}` }
    const actions: Record<typeof what, () => Promise<Reply>> = {
      like: () => person.request(likeTrack, { trackId }, { transport }),
      unlike: () => person.request(unlikeTrack, { trackId }, { transport }),
      repost: () => person.request(repostTrack, { trackId }, { transport }),
      unrepost: () => person.request(unrepostTrack, { trackId }, { transport }),
      comment: () => person.request(addComment, { trackId, body, positionMs: which }, { transport }),
      remove: () => person.request(deleteComment, { commentId }, { transport }),
      words: () => ann.request(updateTrack, { trackId, ...changes }, { transport }),
      visibility: () => ann.request(updateTrack, { trackId, visibility }, { transport }),
    }
    const reply = await actions[what]()
    if (what === 'comment' && reply.error === undefined) commentIds.push((reply.data as { id: string }).id)
    return reply
  }

  /** What `viewer` sees; for the artist also the position of their own channel. */
  async function snapshot(
    viewer: Person,
    { transport }: Pick<Story<unknown>, 'transport'>,
  ): Promise<ReplicaStart<TrackReplica>> {
    const ownPositions = viewer === ann ? [(await takeSnapshot(ann, getMySnapshot, {}, transport)).position] : []
    const { data, position } = await takeSnapshot(viewer, getTrack, { trackId }, transport)
    const comments = await viewer.call(listComments, { trackId, limit: 50 }, { transport })
    return {
      state: { track: withoutViewer(data), comments: comments.map(withoutViewer) },
      positions: [position, ...ownPositions],
    }
  }
  return { ann, fans, trackId, does: perform, snapshot }
}

/** Without the fields that depend on the viewer. */
function withoutViewer<T extends { viewer?: unknown }>(seen: T): Omit<T, 'viewer'> {
  const shared = { ...seen }
  delete shared.viewer
  return shared
}

async function compare(
  replica: Replica<TrackReplica>,
  snapshot: () => Promise<ReplicaStart<TrackReplica>>,
): Promise<void> {
  await testApp.applyCounters()
  const now = await snapshot()
  await replica.waitFor(now)
  await waitUntil(() => replica.state.track.counts.rev >= now.state.track.counts.rev)
  expect(replica.state).toEqual(now.state)
}

it(
  'for a listener, a snapshot plus later events and counts equals a new snapshot',
  async () => {
    await checkStories(actionOf('public', 'unlisted', 'followers'), async story => {
      const { ann, fans, trackId, does: perform, snapshot } = await createStage()
      const [, , eve = ann] = fans
      const snapshotOfEve = () => snapshot(eve, story)
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, eve, await snapshotOfEve(), trackRules(trackId)),
      )
      await compare(replica, snapshotOfEve)

      const endings = {
        hide: () => ann.call(updateTrack, { trackId, visibility: 'private' }),
        remove: () => ann.call(deleteTrack, { trackId }),
      }
      await endings[story.transport === 'rest' ? 'hide' : 'remove']()
      await waitUntil(() => replica.followers[0]?.closeProblem?.code === 'not_found')
      expect(await eve.expectProblem(getTrack, { trackId })).toMatchObject({ code: 'not_found' })
    })
  },
  storiesTimeoutMs,
)

it(
  'for its artist, also over their own channel and while it is private',
  async () => {
    await checkStories(actionOf('public', 'unlisted', 'followers', 'private', 'private'), async story => {
      const { ann, trackId, does: perform, snapshot } = await createStage()
      const snapshotOfAnn = () => snapshot(ann, story)
      await using replica = await runStory(story, perform, async () =>
        Replica.open(testApp, ann, await snapshotOfAnn(), trackRules(trackId)),
      )
      await compare(replica, snapshotOfAnn)
    })
  },
  storiesTimeoutMs,
)

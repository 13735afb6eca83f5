import { Comment, Like, Repost } from '../../../models'
import { addComment } from '../../../skills/interactions/add-comment'
import { likeTrack } from '../../../skills/interactions/like-track'
import { deleteComment } from '../../../skills/interactions/delete-comment'
import { repostTrack } from '../../../skills/interactions/repost-track'
import { unlikeTrack } from '../../../skills/interactions/unlike-track'
import { unrepostTrack } from '../../../skills/interactions/unrepost-track'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { StateRecorder } from '../../state-recorder'
import { createTestApp, type TestApp } from '../../test-app'

const peopleCount = 5
const reactionsEach = 10

let testApp: TestApp
beforeAll(async () => {
  testApp = await createTestApp()
})
afterAll(() => testApp[Symbol.asyncDispose]())

it.each([11, 22])('every count is the number of rows after concurrent random reactions (seed %i)', async seed => {
  const random = seeded(seed)
  const artist = await testApp.signIn('artist')
  const crowd = await Promise.all(
    Array.from({ length: peopleCount }, (_, index) => testApp.signIn(`p${seed}_${index}`)),
  )
  const tracks = [await makeTrack(artist.id), await makeTrack(artist.id)]
  const recorders = []
  for (const { id } of tracks) recorders.push(await StateRecorder.follow(artist, `track:${id}`))

  await Promise.all(
    crowd.map(async person => {
      for (let count = 0; count < reactionsEach; count += 1)
        await reactAtRandom(person, pick(tracks, random).id, random)
    }),
  )

  for (const [index, { id: trackId }] of tracks.entries()) {
    await artist.call(likeTrack, { trackId })
    await testApp.applyCounters()
    const counts = {
      likes: await Like.count({ where: { trackId } }),
      reposts: await Repost.count({ where: { trackId } }),
      comments: await Comment.count({ where: { trackId, deletedAt: null } }),
    }
    const { rev, counts: read } = await artist.call(getTrack, { trackId })
    expect(read).toEqual({ ...counts, rev: read.rev })
    expect(rev).toBe(1)
    // The newest value arrives, although earlier ones may be conflated; none arrives twice or out of order.
    await recorders[index]?.waitFor('counts', { ...read })
    const revs = recorders[index]?.frames.map(({ values }) => values.counts?.rev ?? 0) ?? []
    expect(revs).toEqual([...new Set(revs)].sort((one, other) => one - other))
  }
})

/** Sends one request, or the same request twice at once, as two devices or a retry would. */
async function reactAtRandom(person: Person, trackId: string, random: () => number): Promise<void> {
  const operation = pick([likeTrack, unlikeTrack, repostTrack, unrepostTrack, addComment, deleteComment], random)
  const options = { transport: pick(transports, random) }
  const ownComment =
    operation === deleteComment ? await Comment.findOne({ where: { trackId, authorId: person.id } }) : null
  if (operation === deleteComment && ownComment === null) return
  const inputs = {
    [addComment.name]: { trackId, body: `Words ${random()}`, positionMs: 0 },
    [deleteComment.name]: { commentId: ownComment?.id },
  }
  const send = () => person.request(operation, inputs[operation.name] ?? { trackId }, options)
  const replies = random() < 0.3 ? await Promise.all([send(), send()]) : [await send()]
  const codes = replies.flatMap(({ error }) => error?.code ?? [])
  expect(codes.filter(code => code !== 'duplicate_comment')).toEqual([])
}

const pick = <T>(from: readonly T[], random: () => number): T => {
  const picked = from[Math.floor(random() * from.length)]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

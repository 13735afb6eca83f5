import { hasField } from '../kernel/pipeline/schema-inspection'
import { type AnyOperation } from '../kernel/pipeline/operation'
import { Block, Follow, Like, type Track } from '../models'
import { registry } from '../skills'
import { getFeed } from '../skills/feed/get-feed'
import { listLatestTracks } from '../skills/feed/list-latest-tracks'
import { listLikedTracks } from '../skills/interactions/list-liked-tracks'
import { createParty } from '../skills/listening-party/create-party'
import { createReport } from '../skills/moderation/create-report'
import { createPlaylist } from '../skills/playlists/create-playlist'
import { getPlaylist } from '../skills/playlists/get-playlist'
import { addItem } from '../skills/playlists/add-item'
import { listHistory } from '../skills/plays/list-history'
import { searchTracks } from '../skills/search/search-tracks'
import { getSecretLink } from '../skills/tracks/get-secret-link'
import { listProfileTracks } from '../skills/tracks/list-profile-tracks'
import { assignOffsets } from './emit-numbers'
import { makeTrackLinkHolder, makeTrack } from './factories'
import { requestOverRest, transports, type Person, type Reply } from './person'
import { sampleInput } from './sample-input'
import { createTestApp, type TestApp } from './test-app'

/** Who may listen to each kind of track besides its artist and moderators. No one can play a removed track. */
const seenBy = {
  public: ['follower', 'guest', 'stranger', 'anonymous', 'anonymous with the secret'],
  followers: ['follower'],
  unlisted: ['guest', 'anonymous with the secret'],
  private: [],
  'to be released as public': [],
  'to be released for followers': [],
  'to be released as unlisted': [],
  processing: [],
  removed: [],
} as const
type Kind = keyof typeof seenBy
const kinds = Object.keys(seenBy) as Kind[]

const people = ['owner', 'moderator', 'follower', 'guest', 'stranger', 'blocked'] as const
type Viewer = (typeof people)[number] | 'anonymous' | 'anonymous with the secret'

const maySee = (viewer: Viewer, kind: Kind): boolean => {
  if (kind === 'removed') return false
  return viewer === 'owner' || viewer === 'moderator' || (seenBy[kind] as readonly Viewer[]).includes(viewer)
}

const trackOptions: Record<Kind, Parameters<typeof makeTrack>[1]> = {
  public: {},
  followers: { visibility: 'followers' },
  unlisted: { visibility: 'unlisted', publishedAt: null },
  private: { visibility: 'private', publishedAt: null },
  ...Object.fromEntries(
    (['public', 'followers', 'unlisted'] as const).map(releaseVisibility => [
      `to be released ${releaseVisibility === 'followers' ? 'for' : 'as'} ${releaseVisibility}`,
      { visibility: 'private', releaseVisibility, releaseAt: new Date(Date.now() + 3_600_000), publishedAt: null },
    ]),
  ),
  processing: { state: 'processing', publishedAt: null },
  removed: { deletedAt: new Date() },
} as Record<Kind, Parameters<typeof makeTrack>[1]>

let testApp: TestApp
let persons: Record<(typeof people)[number], Person>
let tracks: Record<Kind, Track>
let secretById: Map<string, string>

beforeAll(async () => {
  testApp = await createTestApp()
  const signedIn: [string, Person][] = []
  for (const name of people)
    signedIn.push([name, await testApp.signIn(name, { roles: name === 'moderator' ? ['moderator'] : [] })])
  persons = Object.fromEntries(signedIn) as typeof persons
  const { owner, follower, guest, blocked } = persons
  const createdAt = new Date()
  await Follow.create({ followerId: follower.id, followeeId: owner.id, createdAt })
  await Follow.create({ followerId: blocked.id, followeeId: owner.id, createdAt })
  await Block.create({ blockerId: owner.id, blockedId: blocked.id, createdAt })
  const createdTracks: [string, Track][] = []
  for (const kind of kinds) {
    const track = await makeTrack(owner.id, { title: `Heard ${kind}`, ...trackOptions[kind] })
    createdTracks.push([kind, track])
    for (const { id } of [guest, blocked]) await makeTrackLinkHolder(track.id, id)
  }
  tracks = Object.fromEntries(createdTracks) as typeof tracks
  const stored = await testApp.app.db.query<{ id: string; secret: string }>('select id, secret from tracks')
  secretById = new Map(stored.map(({ id, secret }) => [id, secret]))
})
afterAll(() => testApp[Symbol.asyncDispose]())

/** Needs a secret of its own, and has its own test. */
const testedSeparately = new Set(['tracks.redeemSecretLink'])
/** Successful calls change what the other viewers see. */
const changing: Record<string, readonly Viewer[]> = {
  'tracks.deleteTrack': ['owner', 'moderator'],
  'tracks.resetSecretLink': ['owner'],
}
const ofTracks = registry.operations.filter(
  ({ input, name }) => hasField(input, 'trackId') && !testedSeparately.has(name),
)
const calls: readonly (readonly [AnyOperation, (trackId: string) => Record<string, unknown>])[] = [
  ...ofTracks.map(op => [op, (trackId: string) => ({ ...sampleInput(op.input), ...purposeOf(op), trackId })] as const),
  [createReport, id => ({ ...sampleInput(createReport.input), subject: { kind: 'track', id } })],
]

/** Only pictures with the purpose `artwork` belong to a track. */
function purposeOf({ input }: AnyOperation) {
  return hasField(input, 'purpose') ? { purpose: 'artwork' } : {}
}

/** What a person needs to do something with a track. */
async function createInputs(person: Person): Promise<Record<string, unknown>> {
  const { id: playlistId } = await person.call(createPlaylist, { title: 'Mine' })
  const { party } = await person.call(createParty, { title: 'Mine', trackId: (await makeTrack(person.id)).id })
  return { playlistId, partyId: party.id }
}

const refusedAsUnknown = ({ error }: Reply) => error?.code === 'not_found'

it('covers every operation that takes a track', () => {
  expect(ofTracks.length).toBeGreaterThan(14)
})

it.each(people)('%s: every operation finds the track or returns not_found, over both transports', async viewer => {
  const person = persons[viewer]
  const inputs = await createInputs(person)
  const failures: string[] = []
  for (const [at, [op, inputFor]] of calls.entries())
    for (const [kindIndex, kind] of kinds.entries()) {
      if ((changing[op.name] ?? []).includes(viewer)) continue
      // Another test proves that both transports respond the same: alternate them here.
      const transport = transports[(at + kindIndex + people.indexOf(viewer)) % transports.length] ?? 'rest'
      const sample = inputFor(tracks[kind].id)
      const input = Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, inputs[name] ?? value]))
      // A socket may call ten times a second.
      testApp.clock.advance(100)
      const reply = await person.request(op, input, { transport, idempotencyKey: `${viewer} ${kind}` })
      if (reply.error?.code === 'invalid_input' || reply.error?.status === 429) failures.push(`${op.name}: bad test`)
      if (refusedAsUnknown(reply) === maySee(viewer, kind)) failures.push(`${op.name} of ${kind} over ${transport}`)
    }
  expect(failures).toEqual([])
})

it.each(people)('%s: the channel can be followed or is not found, over both transports', async viewer => {
  const person = persons[viewer]
  const socket = await person.socket()
  const list = async (kind: Kind) => {
    const channel = `track:${tracks[kind].id}`
    const followed = (await socket.timeout(5_000).emitWithAck('channel.follow', { input: { channel } })) as Reply
    const headers = { authorization: `Bearer ${person.token}` }
    const { status } = await fetch(`${person.url}/api/v1/channels/${channel}/events`, { headers })
    return [followed.error?.code ?? 'followed', status]
  }
  for (const kind of kinds)
    expect([kind, ...(await list(kind))]).toEqual([
      kind,
      ...(maySee(viewer, kind) ? ['followed', 200] : ['not_found', 404]),
    ])
})

it.each(['anonymous', 'anonymous with the secret'] as const)(
  '%s: public operations find what is visible to everyone',
  async viewer => {
    const url = testApp.nodes[0]?.url ?? ''
    const failures: string[] = []
    for (const [op, inputFor] of calls) {
      const takesSecret = hasField(op.input, 'secret')
      if (op.auth !== 'public' || (viewer !== 'anonymous' && !takesSecret)) continue
      for (const kind of kinds) {
        const secret = viewer === 'anonymous' ? {} : { secret: secretById.get(tracks[kind].id) }
        const reply = await requestOverRest(url, op, { ...inputFor(tracks[kind].id), ...secret }, {})
        if (refusedAsUnknown(reply) === maySee(viewer, kind)) failures.push(`${op.name} of ${kind}`)
      }
    }
    expect(failures).toEqual([])
  },
)

describe('lists', () => {
  const kindsOf = (list: readonly { id: string }[]) =>
    kinds.filter(kind => list.some(({ id }) => id === tracks[kind].id))
  const visibleOf = (viewer: Viewer, ...among: Kind[]) =>
    kinds.filter(kind => among.includes(kind) && maySee(viewer, kind))

  it.each(people)('%s: contain no tracks that are invisible or need a secret link', async viewer => {
    const person = persons[viewer]
    const isFollowing = viewer === 'follower' || viewer === 'owner'
    const inFeed = (await person.call(getFeed, { limit: 50 })).map(({ track }) => track)
    expect(kindsOf(inFeed)).toEqual(isFollowing ? visibleOf(viewer, 'public', 'followers') : [])
    const listed = viewer === 'blocked' ? [] : (['public'] as const)
    expect(kindsOf(await person.call(listLatestTracks, { limit: 50 }))).toEqual(listed)
    expect(kindsOf(await person.call(searchTracks, { q: 'Heard' }))).toEqual(listed)

    const { error, data } = await person.request(listProfileTracks, { profileId: persons.owner.id })
    if (viewer === 'blocked') expect(error?.code).toBe('not_found')
    else if (viewer === 'owner') expect(kindsOf(data as Track[])).toEqual(kinds.filter(kind => kind !== 'removed'))
    else expect(kindsOf(data as Track[])).toEqual(viewer === 'follower' ? ['public', 'followers'] : ['public'])
  })

  it.each(people)('%s: liked, played and playlist tracks are included if they are visible', async viewer => {
    const person = persons[viewer]
    for (const { id: trackId } of Object.values(tracks)) {
      const key = { trackId, profileId: person.id }
      if ((await Like.count({ where: key })) === 0) await Like.create({ ...key, createdAt: new Date() })
      await testApp.app.db.query(
        'insert into history_entries values (:profileId, :trackId, now()) on conflict do nothing returning 1',
        key,
      )
    }
    const expected = kinds.filter(kind => maySee(viewer, kind))
    expect(kindsOf(await person.call(listLikedTracks, { limit: 50 }))).toEqual(expected)
    expect(kindsOf((await person.call(listHistory, { limit: 50 })).map(({ track }) => track))).toEqual(expected)
    if (viewer === 'blocked') return

    const { owner } = persons
    const { id: playlistId } = await owner.call(createPlaylist, { title: `For the ${viewer}` })
    for (const kind of kinds.filter(one => one !== 'removed'))
      await owner.call(addItem, { playlistId, trackId: tracks[kind].id })
    const playlist = await person.call(getPlaylist, { playlistId })
    expect(kindsOf(playlist.items.flatMap(({ track }) => track ?? []))).toEqual(expected)
    expect(playlist.trackCount).toBe(expected.length)
  })
})

it("only the artist's response contains the secret of a track, and no event or cache", async () => {
  const { owner } = persons
  const { id: trackId } = tracks.unlisted
  expect(await owner.call(getSecretLink, { trackId })).toEqual({ trackId, secret: secretById.get(trackId) })
  await assignOffsets(testApp.app)
  const texts = await testApp.app.db.query<{ text: string }>(
    `select data::text as text from channel_events union all select coalesce(answer::text, '') from idempotency_keys`,
  )
  const { commands } = testApp.app.redis
  const prefix = commands.options.keyPrefix ?? ''
  const keys = (await commands.keys(`${prefix}*`)).map(key => key.slice(prefix.length))
  const stored = await Promise.all(keys.map(key => commands.get(key).catch(() => null)))
  const allText = [...texts.map(({ text }) => text), ...stored].join('\n')
  expect(allText).toContain(trackId)
  for (const secret of secretById.values()) expect(allText).not.toContain(secret)
})

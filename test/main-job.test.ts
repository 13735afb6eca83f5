import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installPackage } from '../dev/processes/find-tool'
import { addComment } from '../skills/interactions/add-comment'
import { likeTrack } from '../skills/interactions/like-track'
import { getParty } from '../skills/listening-party/get-party'
import { joinParty } from '../skills/listening-party/join-party'
import { createParty } from '../skills/listening-party/create-party'
import { pauseParty } from '../skills/listening-party/pause-party'
import { playParty } from '../skills/listening-party/play-party'
import { seekParty } from '../skills/listening-party/seek-party'
import { finalizeUpload } from '../skills/music-upload/finalize-upload'
import { initiateUpload } from '../skills/music-upload/initiate-upload'
import { listNotifications } from '../skills/notifications/list-notifications'
import { addItem } from '../skills/playlists/add-item'
import { createPlaylist } from '../skills/playlists/create-playlist'
import { getPlaylist } from '../skills/playlists/get-playlist'
import { moveItem } from '../skills/playlists/move-item'
import { searchTracks } from '../skills/search/search-tracks'
import { getTrack } from '../skills/tracks/get-track'
import { getWaveform } from '../skills/tracks/get-waveform'
import { grantDownload } from '../skills/streaming/grant-download'
import { grantStream } from '../skills/streaming/grant-stream'
import { followProfile } from '../skills/user-profile/follow-profile'
import { startJobWorker, type JobWorker } from '../server/job-worker'
import { registry } from '../skills'
import { makeAudio } from './make-audio'
import { transports, type Person } from './person'
import { putBytes } from './skills/music-upload/upload-file'
import { createTestApp, type TestApp } from './test-app'

/** The main flow of a user: two people on two nodes, a worker, real music. */
let testApp: TestApp
let worker: JobWorker
let music: Buffer
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 2 })
  worker = await startJobWorker(testApp.app, registry)
  music = await realMusic()
}, 120_000)
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await testApp[Symbol.asyncDispose]()
})

describe.each(transports)('the main flow over %s', transport => {
  const options = { transport }
  let ann: Person
  let bob: Person
  let trackId: string

  beforeAll(async () => {
    ann = await testApp.signIn(`ann-${transport}`, { node: 0 })
    bob = await testApp.signIn(`bob-${transport}`, { node: 1 })
  })

  it('uploads a real MP3 and reports its progress live, until it is ready', async () => {
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const sha256 = createHash('sha256').update(music).digest('hex')
    const file = { fileName: 'a song.mp3', contentType: 'audio/mpeg' as const, sizeBytes: music.length, sha256 }
    const { upload, putRequest: target } = await ann.call(
      initiateUpload,
      { ...file, title: `Machine wars ${transport}` },
      options,
    )
    expect(await putBytes(target, music)).toBe(200)
    await ann.call(finalizeUpload, { uploadId: upload.id }, options)

    // A whole song takes a busy machine longer than most events.
    const isReady = ({ upload }: Record<string, unknown>) => (upload as UploadData).state === 'ready'
    const ready = await recorder.waitFor('music-upload.uploadChanged', isReady, 50_000)
    trackId = String((ready.data.upload as UploadData).trackId)
    const progress = recorder.events
      .filter(({ name }) => name === 'music-upload.uploadChanged')
      .map(({ data }) => (data.upload as UploadData).progress)
    expect(progress.length).toBeGreaterThan(2)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))

    const track = await ann.call(getTrack, { trackId }, options)
    expect(track).toMatchObject({ state: 'ready', title: `Machine wars ${transport}` })
    expect(track.durationMs).toBeGreaterThan(5_000)
    const { peaks } = await ann.call(getWaveform, { trackId }, options)
    expect(Math.max(...peaks)).toBeGreaterThan(50)
  }, 60_000)

  it('lets Bob on the other node follow Ann, find the track and play a range of it from the edge', async () => {
    await bob.call(followProfile, { profileId: ann.id }, options)
    const results = await bob.call(searchTracks, { q: `machine wars ${transport}` }, options)
    expect(results.map(({ id }) => id)).toContain(trackId)

    const grant = await bob.call(grantStream, { trackId }, options)
    expect(Date.parse(grant.expiresAt)).toBeGreaterThan(testApp.clock.now())
    const part = await fetch(grant.url, { headers: { range: 'bytes=100-199' } })
    expect(part.status).toBe(206)
    const whole = Buffer.from(await (await fetch(grant.url)).arrayBuffer())
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(100, 200))
    expect(await (await fetch(grant.hls?.url ?? '')).text()).toMatch(/^#EXTM3U/)
    const { url: original } = await ann.call(grantDownload, { trackId }, options)
    expect(music.equals(Buffer.from(await (await fetch(original)).arrayBuffer()))).toBe(true)
    expect((await fetch(grant.url.replace(/Signature=.{8}/, 'Signature=AAAAAAAA'))).status).toBe(403)
    expect((await fetch(grant.url.replace(/Policy=.{8}/, 'Policy=AAAAAAAA'))).status).toBe(403)
  })

  it('notifies Ann live of a like and a comment at 0:07, keeps the notification, and counts correctly', async () => {
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    await bob.call(likeTrack, { trackId }, options)
    await bob.call(addComment, { trackId, body: 'That bass!', positionMs: 7_000 }, options)
    await recorder.waitFor(
      'notifications.notificationAdded',
      ({ notification }) => (notification as NotificationData).kind === 'liked',
    )
    const comment = await recorder.waitFor('interactions.commentAdded', data => data.trackId === trackId)
    expect(comment.data.comment).toMatchObject({ body: 'That bass!', positionMs: 7_000 })
    await recorder.waitFor(
      'notifications.notificationAdded',
      ({ notification }) => (notification as NotificationData).kind === 'commented',
    )
    await testApp.applyCounters()

    const kinds = (await ann.call(listNotifications, {}, options)).map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['liked', 'commented', 'followed']))
    for (const person of [ann, bob])
      expect(await person.call(getTrack, { trackId }, options)).toMatchObject({ counts: { likes: 1, comments: 1 } })
  })

  it('shows Ann live how Bob reorders his playlist', async () => {
    const { id: playlistId } = await bob.call(createPlaylist, { title: 'Late' }, options)
    const recorder = await ann.recordEvents(`playlist:${playlistId}`)
    const first = await bob.call(addItem, { playlistId, trackId }, options)
    const second = await bob.call(addItem, { playlistId, trackId }, options)
    await bob.call(moveItem, { playlistId, itemId: second.item.itemId, afterItemId: null }, options)
    const moved = await recorder.waitFor('playlists.itemsMoved')
    expect(moved.data.ranks).toMatchObject([{ itemId: second.item.itemId }])
    const { items } = await ann.call(getPlaylist, { playlistId }, options)
    expect(items.map(({ itemId }) => itemId)).toEqual([second.item.itemId, first.item.itemId])
  })

  it('lets both listen to the same position of a listening party', async () => {
    const { party } = await bob.call(createParty, { title: 'Tonight', trackIds: [trackId] }, options)
    await bob.call(playParty, { partyId: party.id }, options)
    testApp.clock.advance(4_000)
    const end = await ann.call(joinParty, { partyId: party.id }, options)
    const { posMs, rate, t0Ms } = end.timeline
    expect(end.timeline.status).toBe('playing')
    const now = posMs + rate * (end.serverTimeMs - t0Ms)
    expect(now).toBeGreaterThan(3_000)
    expect(now).toBeLessThan(8_000)

    const recorders = [await ann.recordEvents(`party:${party.id}`), await bob.recordEvents(`party:${party.id}`)]
    await bob.call(seekParty, { partyId: party.id, positionMs: 2_000 }, options)
    await bob.call(pauseParty, { partyId: party.id }, options)
    for (const recorder of recorders) {
      await recorder.waitFor(
        'listening-party.timelineChanged',
        ({ timeline }) => (timeline as Timeline).status === 'playing',
      )
      await recorder.waitFor(
        'listening-party.timelineChanged',
        ({ timeline }) => (timeline as Timeline).status === 'paused',
      )
    }
    const snapshots = [
      await ann.call(getParty, { partyId: party.id }, options),
      await bob.call(getParty, { partyId: party.id }, options),
    ]
    expect(snapshots[0]?.timeline).toEqual(snapshots[1]?.timeline)
    expect(snapshots[0]?.timeline).toMatchObject({ status: 'paused' })
  })
})

interface NotificationData {
  kind: string
}

interface UploadData {
  state: string
  progress: number
  trackId: string | null
}

interface Timeline {
  status: string
}

/** An MP3 of a Debian package where it can be installed, else one made with ffmpeg. */
async function realMusic(): Promise<Buffer> {
  const folder = '/usr/share/games/asc/music'
  await installPackage('asc-music')
  const songs = (await readdir(folder).catch(() => [])).filter(file => file.endsWith('.mp3')).sort()
  const [song] = songs
  return readFile(song === undefined ? await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3') : join(folder, song))
}

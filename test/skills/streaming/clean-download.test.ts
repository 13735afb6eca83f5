import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Track, TrackAudio } from '../../../models'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { replaceAudio } from '../../../skills/music-upload/replace-audio'
import { sweepBucket } from '../../../skills/music-upload/sweep-bucket'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { orphanAgeMs } from '../../../kernel/sweep'
import { getAudioFacts } from '../../../skills/streaming/get-audio-facts'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { grantStream } from '../../../skills/streaming/grant-stream'
import { makeAudio } from '../../audio'
import { ownBucket } from '../../own-bucket'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { doubled, holdsPlanted, plantedFile } from '../music-upload/planted'
import { announce, put, upload } from '../music-upload/uploading'
import { type WatchedStore, watchedStore } from '../music-upload/watched-store'

let world: TestWorld
let store: WatchedStore
let ann: Person
let bob: Person
let folder: string
beforeAll(async () => {
  // The edge serves the bucket of all tests; the sweep looks at all of one.
  const noEdge = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
  store = await watchedStore()
  world = await freshWorld({ variables: { ...(await ownBucket()), ...noEdge, S3_ENDPOINT: store.endpoint } })
  await people()
  folder = await mkdtemp(join(tmpdir(), 'tutti-download-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function people(): Promise<void> {
  ann = await world.person('ann')
  bob = await world.person('bob')
}

const isThere = async (key: string) => (await world.world.storage.head(key)) !== undefined
const bytesOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer())
const downloadOf = async (person: Person, trackId: string) => {
  const { url, ...said } = await person.call(grantDownload, { trackId })
  return { ...said, bytes: await bytesOf(url) }
}
const copyOf = async (trackId: string) => (await ann.call(getAudioFacts, { trackId })).own?.downloadCopy
const keyOf = async (trackId: string) => (await TrackAudio.findByPk(trackId))?.downloadKey ?? null

async function sweep(): Promise<number | undefined> {
  await world.world.db.query(`select graphile_worker.add_job(:name, '{}'::json)`, { name: sweepBucket.name })
  await world.work()
  const { values } = await world.world.metrics.bucketMissing.get()
  return values.find(({ labels }) => labels.area === 'audio')?.value
}

async function replaceWith(trackId: string, file: string): Promise<string> {
  const bytes = await readFile(file)
  const { upload, put: place } = await ann.call(replaceAudio, { trackId, ...announce(bytes) })
  await put(place, bytes)
  await ann.call(finalizeUpload, { uploadId: upload.id })
  await world.work()
  return upload.id
}

async function soundOf(bytes: Buffer): Promise<string> {
  const path = join(folder, randomUUID())
  await writeFile(path, bytes)
  const args = ['-v', 'error', '-nostdin', '-i', path, '-map', '0:a:0', '-f', 'hash', 'pipe:1']
  return (await promisify(execFile)(world.world.config.tools.ffmpeg, args)).stdout
}

it.each(['mp3', 'm4a', 'flac', 'wav'])('leaves out of a %s what its tags say, for all but its artist', async kind => {
  const file = await readFile(await plantedFile(kind, folder))
  const { trackId, id } = await upload(world, ann, file, { isDownloadable: true, title: 'Mine' })
  const original = await downloadOf(ann, trackId)
  expect(original.bytes.equals(file)).toBe(true)
  const copy = await downloadOf(bob, trackId)
  expect(copy).toMatchObject({
    ...{ fileName: `Mine.${kind}`, contentType: original.contentType, sizeBytes: copy.bytes.length },
  })
  expect(holdsPlanted(copy.bytes)).toEqual([])
  expect(await soundOf(copy.bytes)).toBe(await soundOf(file))
  expect(await keyOf(trackId)).toBe(`audio/${trackId}/${id}/download.${kind}`)
  const stored = await world.world.storage.head(`audio/${trackId}/${id}/download.${kind}`)
  expect(stored?.contentType).toBe(original.contentType)
  const { hls, progressive } = await bob.call(grantStream, { trackId })
  for (const url of [hls?.url ?? '', progressive.url]) expect(holdsPlanted(await bytesOf(url))).toEqual([])
})

it('is made when its artist allows downloads, not before', async () => {
  const file = await plantedFile('mp3', folder)
  const { trackId } = await upload(world, ann, file)
  expect(await keyOf(trackId)).toBeNull()
  expect(await copyOf(trackId)).toBe('none')
  await Promise.all(
    Array.from({ length: 5 }, () => ann.call(updateTrack, { trackId, isDownloadable: true }, { door: 'socket' })),
  )
  expect(await bob.refused(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready', status: 409 })
  await world.work()
  const { bytes } = await downloadOf(bob, trackId)
  expect(holdsPlanted(bytes)).toEqual([])
  expect(await copyOf(trackId)).toBe('ready')
  expect((await bob.call(getAudioFacts, { trackId })).own).toBeUndefined()
  // Once is enough: saying so again makes nothing anew.
  await TrackAudio.update({ downloadBytes: 1 }, { where: { trackId } })
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await world.work()
  expect(await bob.call(grantDownload, { trackId })).toMatchObject({ sizeBytes: 1 })
})

it('is made when its artist allowed them while the file was worked on', async () => {
  const bytes = await readFile(await makeAudio(world.world.config.tools.ffmpeg, 'opus'))
  const { trackId } = await upload(world, ann, bytes)
  const { upload: fresh, put: place } = await ann.call(replaceAudio, { trackId, ...announce(bytes) })
  await put(place, bytes)
  // Right before its end, and so after it was looked at.
  await world.world.db.query(`create function allow() returns trigger language plpgsql as
    $$ begin update tracks set is_downloadable = true where id = new.track_id; return new; end $$`)
  await world.world.db.query(`create trigger allow before update on uploads for each row
    when (new.step = 'storing' and new.id = '${fresh.id}') execute function allow()`)
  await ann.call(finalizeUpload, { uploadId: fresh.id })
  await world.work()
  await world.world.db.query('drop function allow cascade')
  expect((await downloadOf(bob, trackId)).fileName).toMatch(/\.ogg$/)
})

it('is made of what is of before there were such copies, by the hourly look or when it is allowed anew', async () => {
  const file = await plantedFile('mp3', folder)
  const [one, two] = [
    await upload(world, ann, file, { isDownloadable: true }),
    await upload(world, ann, file, { isDownloadable: true }),
  ]
  const none = { downloadKey: null, downloadBytes: null, downloadOf: null }
  await TrackAudio.update(none, { where: { trackId: one.trackId } })
  // Of before there were streams: then the file itself is listened to.
  await TrackAudio.destroy({ where: { trackId: two.trackId } })
  await Track.update({ audioVersion: null }, { where: { id: two.trackId } })
  for (const { trackId } of [one, two])
    expect(await bob.refused(grantDownload, { trackId })).toMatchObject({ code: 'download_not_ready' })
  await sweep()
  for (const { trackId } of [one, two]) expect(holdsPlanted((await downloadOf(bob, trackId)).bytes)).toEqual([])
  expect(holdsPlanted(await bytesOf((await bob.call(grantStream, { trackId: two.trackId })).url))).toEqual([])

  // A worker of the release before has replaced the audio, and left what it does not know.
  await TrackAudio.update({ downloadOf: randomUUID() }, { where: { trackId: one.trackId } })
  expect(await bob.refused(grantDownload, { trackId: one.trackId })).toMatchObject({ code: 'download_not_ready' })
  await ann.call(updateTrack, { trackId: one.trackId, isDownloadable: true })
  await world.work()
  await downloadOf(bob, one.trackId)
})

it('is refused, and not tried again, where a file cannot be had without its tags; its artist still gets it', async () => {
  const file = await doubled('ogg', folder)
  const { trackId, id, state } = await upload(world, ann, file, { isDownloadable: true })
  expect(state).toBe('ready')
  expect(await bob.refused(grantDownload, { trackId })).toMatchObject({ code: 'not_copyable', status: 409 })
  expect((await downloadOf(ann, trackId)).bytes.equals(await readFile(file))).toBe(true)
  expect(await TrackAudio.findByPk(trackId)).toMatchObject({ downloadKey: null, downloadOf: id })
  expect(await copyOf(trackId)).toBe('impossible')
  const before = await world.world.db.query<{ count: string }>('select count(*) from graphile_worker.jobs')
  await sweep()
  expect(await world.world.db.query('select count(*) from graphile_worker.jobs')).toEqual(before)
})

it('follows its track: replaced, removed, missed, and never swept while it is wanted', async () => {
  const { ffmpeg } = world.world.config.tools
  const { trackId } = await upload(world, ann, await plantedFile('mp3', folder), { isDownloadable: true })
  const first = (await keyOf(trackId)) ?? ''
  const kept = await bob.call(grantDownload, { trackId })
  const uploadId = await replaceWith(trackId, await makeAudio(ffmpeg, 'wav', { tags: { comment: 'PLANTED' } }))
  const second = (await keyOf(trackId)) ?? ''
  expect(second).toBe(`audio/${trackId}/${uploadId}/download.wav`)
  expect(holdsPlanted((await downloadOf(bob, trackId)).bytes)).toEqual([])
  // A download that was begun goes on for a while.
  expect((await bytesOf(kept.url)).length).toBe(kept.sizeBytes)

  world.clock.advance(orphanAgeMs + 1_000)
  await people()
  expect(await sweep()).toBe(0)
  expect(await isThere(second)).toBe(true)
  await world.world.db.query('update graphile_worker._private_jobs set run_at = now() returning 1 as done')
  await world.work()
  expect([await isThere(first), await isThere(second)]).toEqual([false, true])

  await world.world.storage.remove(second)
  expect(await sweep()).toBe(1)
  await world.world.storage.put(second, Buffer.from('again'), 'audio/wav')
  expect(await sweep()).toBe(0)

  await ann.call(removeTrack, { trackId })
  await world.work()
  expect(await isThere(second)).toBe(false)
  expect(await bob.refused(grantDownload, { trackId })).toMatchObject({ code: 'not_found' })
})

it('leaves nothing behind of a track that was removed, or got other audio, while its copy was made', async () => {
  const file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
  const { trackId, id } = await upload(world, ann, file)
  const copy = `audio/${trackId}/${id}/download.mp3`
  let stored = 0
  store.slowness = (method, { pathname }) => {
    if (method !== 'PUT' || !pathname.endsWith(copy)) return undefined
    stored += 1
    return Track.update({ removedAt: new Date(world.clock.now()) }, { where: { id: trackId } })
  }
  await ann.call(updateTrack, { trackId, isDownloadable: true })
  await world.work()
  expect(stored).toBe(1)
  expect(await isThere(copy)).toBe(false)
  expect(await keyOf(trackId)).toBeNull()
})

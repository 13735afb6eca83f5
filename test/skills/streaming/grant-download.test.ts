import { contentDisposition, downloadFileName } from '../../../skills/streaming/content-disposition'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { updateTrack } from '../../../skills/tracks/update-track'
import { getTrackPlays } from '../../../skills/plays/get-track-plays'
import { getTrack } from '../../../skills/tracks/get-track'
import { grantDownload } from '../../../skills/streaming/grant-download'
import { Block } from '../../../models'
import { makeTrack } from '../../factories'
import { makeStreamableTrack } from '../../make-streamable-track'
import { requestOverRest, transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  bob = await testApp.signIn('bob')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const title = 'Nächte / "am" Fluß: 100%'
const contents = 'the file that was uploaded'
const copy = 'the copy without its tags'

describe.each(transports)('a download granted over %s', transport => {
  it('gives the file without its tags, named after the title, and counts no play', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { title, isDownloadable: true } })
    const before = await ann.call(getTrackPlays, { trackId: track.id })
    const { url, expiresAt, ...download } = await bob.call(grantDownload, { trackId: track.id }, { transport })
    expect(download).toEqual({
      fileName: 'Nächte am Fluß 100%.flac',
      contentType: 'audio/flac',
      sizeBytes: copy.length,
    })
    expect(Math.abs(Date.parse(expiresAt) - testApp.clock.now() - 3_600_000)).toBeLessThan(10_000)
    const file = await fetch(url)
    expect(await file.text()).toBe(copy)
    expect(file.headers.get('content-type')).toBe('audio/flac')
    expect(file.headers.get('content-disposition')).toBe(
      `attachment; filename="Nachte am Flu_ 100_.flac"; filename*=UTF-8''N%C3%A4chte%20am%20Flu%C3%9F%20100%25.flac`,
    )
    const part = await fetch(url, { headers: { range: 'bytes=4-7' } })
    expect([part.status, await part.text()]).toEqual([206, 'copy'])
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-disposition')).toContain('attachment')
    expect((await fetch(url.replace('attachment', 'inline'))).status).toBe(403)
    expect((await fetch(url.replace(/response-content-disposition=[^&]*&/, ''))).status).toBe(403)
    expect(await ann.call(getTrackPlays, { trackId: track.id })).toEqual(before)
  })

  it('gives the original file only to its artist', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { title, isDownloadable: true } })
    const mod = await testApp.signIn(`mod-${transport}`, { roles: ['moderator'] })
    const downloadFor = async (person: Person) => {
      const { url, sizeBytes } = await person.call(grantDownload, { trackId: track.id }, { transport })
      return [await (await fetch(url)).text(), sizeBytes]
    }
    expect(await downloadFor(ann)).toEqual([contents, contents.length])
    for (const other of [bob, mod]) expect(await downloadFor(other)).toEqual([copy, copy.length])
  })

  it('is refused to others while the copy without tags is missing or impossible', async () => {
    const { track, audio } = await makeStreamableTrack(testApp.app, ann.id, { track: { isDownloadable: true } })
    const { id: trackId } = track
    const none = { downloadKey: null, downloadBytes: null }
    await audio.update({ ...none, downloadUploadId: null })
    expect(await bob.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      ...{ code: 'download_not_ready', status: 409 },
    })
    await audio.update({ ...none, downloadUploadId: audio.uploadId })
    expect(await bob.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      code: 'download_unavailable',
      status: 409,
    })
    await audio.destroy()
    expect(await bob.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      code: 'download_not_ready',
    })
    const { url } = await ann.call(grantDownload, { trackId }, { transport })
    expect(await (await fetch(url)).text()).toBe(contents)
  })

  it('is allowed to the owner, and to others only when the artist allows downloads', async () => {
    const { track } = await makeStreamableTrack(testApp.app, ann.id)
    const { id: trackId } = track
    expect(await bob.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      ...{ code: 'not_downloadable', status: 403 },
    })
    await ann.call(grantDownload, { trackId }, { transport })
    expect(await ann.call(updateTrack, { trackId, isDownloadable: true }, { transport })).toMatchObject({
      isDownloadable: true,
    })
    await bob.call(grantDownload, { trackId }, { transport })
    expect(await bob.call(getTrack, { trackId }, { transport })).toMatchObject({ isDownloadable: true })
    await ann.call(updateTrack, { trackId, isDownloadable: false }, { transport })
    expect(await bob.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      code: 'not_downloadable',
    })
  })

  it('is refused for tracks that are hidden or not ready', async () => {
    const eve = await testApp.signIn(`eve-${transport}`)
    await Block.create({ blockerId: bob.id, blockedId: eve.id, createdAt: new Date() })
    const open = { isDownloadable: true }
    const hidden = [
      await makeTrack(ann.id, { ...open, visibility: 'private' }),
      await makeTrack(ann.id, { ...open, deletedAt: new Date() }),
      await makeTrack(ann.id, { ...open, state: 'processing' }),
      await makeTrack(bob.id, open),
    ]
    for (const { id: trackId } of hidden)
      expect(await eve.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
        code: 'not_found',
        status: 404,
      })
    const { id: trackId } = await makeTrack(ann.id, { state: 'processing', audioKey: null })
    expect(await ann.expectProblem(grantDownload, { trackId }, { transport })).toMatchObject({
      code: 'track_not_ready',
      status: 409,
    })
  })
})

it('is possible without signing in, and the answer is not cacheable', async () => {
  const { track } = await makeStreamableTrack(testApp.app, ann.id, { track: { isDownloadable: true } })
  const { data, headers } = await requestOverRest(ann.url, grantDownload, { trackId: track.id }, {})
  expect(data).toMatchObject({ sizeBytes: copy.length })
  expect(headers?.get('cache-control')).toBe('no-store')
})

it('is allowed as set when the upload was initiated', async () => {
  const sha256 = 'a'.repeat(64)
  const file = { fileName: 'a.mp3', contentType: 'audio/mpeg', sizeBytes: 5, sha256 } as const
  const { upload } = await ann.call(initiateUpload, { ...file, isDownloadable: true })
  expect(await ann.expectProblem(finalizeUpload, { uploadId: upload.id })).toMatchObject({ status: 409 })
  const [row] = await testApp.app.db.query<{ allowed: boolean }>(
    'select is_downloadable as allowed from uploads where id = :id',
    { id: upload.id },
  )
  expect(row).toEqual({ allowed: true })
})

describe('the file name of a download', () => {
  it.each([
    ['Song', 'Song.mp3'],
    ['../../etc/passwd', 'etc passwd.mp3'],
    ['..', 'track.mp3'],
    ['a\\b:c*d?e"f<g>h|i', 'a b c d e f g h i.mp3'],
    ['夜のバス', '夜のバス.mp3'],
    ['‮3pm.exe', '3pm.exe.mp3'],
    ['ends with dots...', 'ends with dots.mp3'],
    ['🎵'.repeat(100), `${'🎵'.repeat(37)}.mp3`],
  ])('%s is %s', (downloadFor, name) => {
    expect(downloadFileName(downloadFor, 'audio/a/b.mp3')).toBe(name)
    expect(contentDisposition(name)).toMatch(/^[\x20-\x7e]+$/)
    expect(contentDisposition(name).split('"')).toHaveLength(3)
  })
})

// Last, because the models are bound to its app from here on.
it('is presigned by the store when no distribution is configured', async () => {
  const none = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }
  await using bare = await createTestApp({ nodes: 1, variables: none })
  const person = await bare.signIn('ann')
  const { track } = await makeStreamableTrack(bare.app, person.id, { track: { title, isDownloadable: true } })
  const { url: own } = await person.call(grantDownload, { trackId: track.id })
  expect(await (await fetch(own)).text()).toBe(contents)
  const listener = await bare.signIn('bob')
  const { url } = await listener.call(grantDownload, { trackId: track.id })
  const file = await fetch(url)
  expect([file.status, await file.text()]).toEqual([200, copy])
  expect(file.headers.get('content-disposition')).toContain(`filename*=UTF-8''N%C3%A4chte`)
  expect((await fetch(url.replace('attachment', 'inline'))).status).toBe(403)
})

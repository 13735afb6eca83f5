import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { listUploads } from '../../../skills/music-upload/list-uploads'
import { renewUpload } from '../../../skills/music-upload/renew-upload'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeAudio } from '../../make-audio'
import { transports } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, putBytes, sendFile, uploadFile } from './upload-file'

let testApp: TestApp
let file: string
beforeAll(async () => {
  testApp = await createTestApp()
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const bytes = Buffer.from('some bytes')

describe.each(transports)('own uploads over %s', transport => {
  it('are listed newest first, in pages, and only to their owner', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1)
      ids.unshift((await ann.call(initiateUpload, uploadInput(bytes))).upload.id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const reply = await ann.request(
        listUploads,
        { limit: 2, ...(cursor === undefined ? {} : { cursor }) },
        { transport },
      )
      seen.push(...(reply.data as { id: string }[]).map(({ id }) => id))
      cursor = reply.page?.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(ids)
    const bob = await testApp.signIn(`bob-${transport}`)
    expect(await bob.call(listUploads, {}, { transport })).toEqual([])
  })

  it('get a new URL while they wait for their file, until they expire', async () => {
    const ann = await testApp.signIn(`ann-${transport}`)
    const { upload: first } = await ann.call(initiateUpload, uploadInput(bytes))
    const input = { uploadId: first.id }
    await Upload.update({ putUrlExpiresAt: new Date(testApp.clock.now() - 1) }, { where: { id: first.id } })
    const renewed = await ann.call(renewUpload, input, { transport })
    expect(renewed.upload).toEqual(first)
    expect(Date.parse(renewed.putRequest.expiresAt)).toBeGreaterThan(testApp.clock.now() + 29 * 60_000)
    expect(await putBytes(renewed.putRequest, bytes)).toBe(200)

    await Upload.update({ expiresAt: new Date(testApp.clock.now() + 60_000) }, { where: { id: first.id } })
    const short = await ann.call(renewUpload, input, { transport })
    expect(Date.parse(short.putRequest.expiresAt)).toBeLessThanOrEqual(testApp.clock.now() + 60_000)
    await ann.call(finalizeUpload, input)
    expect(await ann.expectProblem(renewUpload, input, { transport })).toMatchObject({
      code: 'upload_closed',
      status: 409,
    })
    await ann.call(abortUpload, input)
    expect(await ann.expectProblem(renewUpload, input, { transport })).toMatchObject({
      code: 'upload_aborted',
      status: 410,
    })
    const bob = await testApp.signIn('bob')
    expect(await bob.expectProblem(renewUpload, input, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('can be aborted before they end, once, with file and track', async () => {
    const ann = await testApp.signIn('ann')
    const { upload: sent } = await sendFile(ann, file)
    const input = { uploadId: sent.id }
    const { trackId } = await ann.call(finalizeUpload, input)
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const aborted = await ann.call(abortUpload, input, { transport })
    expect(aborted).toMatchObject({ state: 'aborted' })
    expect(await ann.call(abortUpload, input, { transport })).toEqual(aborted)
    await recorder.waitFor('tracks.trackDeleted', data => data.trackId === trackId)
    await recorder.waitForAll(testApp.app)
    expect(recorder.names()).toEqual(['music-upload.uploadChanged', 'tracks.trackDeleted'])
    await testApp.runJobs()
    expect(await ann.call(getUpload, input, { transport })).toEqual(aborted)
    expect(await ann.expectProblem(getTrack, { trackId }, { transport })).toMatchObject({ code: 'not_found' })
    expect(await testApp.app.storage.head(`incoming/${sent.id}`)).toBeUndefined()
  })

  it('cannot be aborted after they end', async () => {
    const ann = await testApp.signIn('ann')
    const ready = await uploadFile(testApp, ann, file)
    const problem = await ann.expectProblem(abortUpload, { uploadId: ready.id }, { transport })
    expect(problem).toMatchObject({ code: 'upload_closed', status: 409 })
    expect(await ann.call(getTrack, { trackId: ready.trackId }, { transport })).toMatchObject({ state: 'ready' })
  })
})

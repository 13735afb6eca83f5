import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { listUploads } from '../../../skills/music-upload/list-uploads'
import { renewUpload } from '../../../skills/music-upload/renew-upload'
import { getTrack } from '../../../skills/streaming/get-track'
import { makeAudio } from '../../audio'
import { doors } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announce, put, send, upload } from './uploading'

let world: TestWorld
let file: string
beforeAll(async () => {
  world = await freshWorld()
  file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
})
afterAll(() => world[Symbol.asyncDispose]())

const bytes = Buffer.from('some bytes')

describe.each(doors)('own uploads over %s', door => {
  it('are listed the newest first, page by page, and are nobody else’s to see', async () => {
    const ann = await world.person(`ann-${door}`)
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) ids.unshift((await ann.call(initiateUpload, announce(bytes))).upload.id)
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const reply = await ann.ask(listUploads, { limit: 2, ...(cursor === undefined ? {} : { cursor }) }, { door })
      seen.push(...(reply.data as { id: string }[]).map(({ id }) => id))
      cursor = reply.page?.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(ids)
    const bob = await world.person(`bob-${door}`)
    expect(await bob.call(listUploads, {}, { door })).toEqual([])
  })

  it('get a fresh URL while they wait for their file, within their own life', async () => {
    const ann = await world.person(`ann-${door}`)
    const { upload: first } = await ann.call(initiateUpload, announce(bytes))
    const input = { uploadId: first.id }
    await Upload.update({ putExpiresAt: new Date(world.clock.now() - 1) }, { where: { id: first.id } })
    const renewed = await ann.call(renewUpload, input, { door })
    expect(renewed.upload).toEqual(first)
    expect(Date.parse(renewed.put.expiresAt)).toBeGreaterThan(world.clock.now() + 29 * 60_000)
    expect(await put(renewed.put, bytes)).toBe(200)

    await Upload.update({ expiresAt: new Date(world.clock.now() + 60_000) }, { where: { id: first.id } })
    const short = await ann.call(renewUpload, input, { door })
    expect(Date.parse(short.put.expiresAt)).toBeLessThanOrEqual(world.clock.now() + 60_000)
    await ann.call(finalizeUpload, input)
    expect(await ann.refused(renewUpload, input, { door })).toMatchObject({ code: 'upload_over', status: 409 })
    await ann.call(abortUpload, input)
    expect(await ann.refused(renewUpload, input, { door })).toMatchObject({ code: 'upload_aborted', status: 410 })
    const bob = await world.person('bob')
    expect(await bob.refused(renewUpload, input, { door })).toMatchObject({ code: 'not_found' })
  })

  it('are aborted once, at any time before they are over, with file and track', async () => {
    const ann = await world.person('ann')
    const { upload: sent } = await send(ann, file)
    const input = { uploadId: sent.id }
    const { trackId } = await ann.call(finalizeUpload, input)
    const heard = await ann.hear(`user:${ann.id}`)
    const aborted = await ann.call(abortUpload, input, { door })
    expect(aborted).toMatchObject({ state: 'aborted' })
    expect(await ann.call(abortUpload, input, { door })).toEqual(aborted)
    await heard.first('music-upload.trackRemoved', data => data.trackId === trackId)
    await heard.all(world.world)
    expect(heard.names()).toEqual(['music-upload.uploadChanged', 'music-upload.trackRemoved'])
    await world.work()
    expect(await ann.call(getUpload, input, { door })).toEqual(aborted)
    expect(await ann.refused(getTrack, { trackId }, { door })).toMatchObject({ code: 'not_found' })
    expect(await world.world.storage.head(`incoming/${sent.id}`)).toBeUndefined()
  })

  it('are not aborted when they are over', async () => {
    const ann = await world.person('ann')
    const ready = await upload(world, ann, file)
    const problem = await ann.refused(abortUpload, { uploadId: ready.id }, { door })
    expect(problem).toMatchObject({ code: 'upload_over', status: 409 })
    expect(await ann.call(getTrack, { trackId: ready.trackId }, { door })).toMatchObject({ state: 'ready' })
  })
})

import { Upload } from '../../../models'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { getStorage } from '../../../skills/music-upload/get-storage'
import { initiateUpload } from '../../../skills/music-upload/initiate-upload'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { makeAudio } from '../../audio'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { announceLarge, largeBytes } from './parts'
import { announce, send, upload } from './uploading'

const quotaBytes = 3 * largeBytes
let world: TestWorld
let file: string
beforeAll(async () => {
  world = await freshWorld({ variables: { UPLOAD_QUOTA_BYTES: String(quotaBytes) } })
  file = await makeAudio(world.world.config.tools.ffmpeg, 'mp3')
})
afterAll(() => world[Symbol.asyncDispose]())

const storageOf = (person: Person) => person.call(getStorage, {})

it.each(doors)('reserves what is announced and refuses what is too much, over %s', async door => {
  const ann = await world.person(`ann-${door}`)
  expect(await ann.call(getStorage, {}, { door })).toEqual({
    ...{ usedBytes: 0, reservedBytes: 0, quotaBytes },
    uploadsPending: 0,
  })
  const { upload } = await announceLarge(ann, {}, { door })
  await announceLarge(ann, {}, { door })
  const problem = await ann.refused(initiateUpload, announce(Buffer.from('x'), { sizeBytes: largeBytes + 1 }), { door })
  expect(problem).toMatchObject({
    ...{ code: 'quota_exceeded', status: 409 },
    current: { usedBytes: 0, reservedBytes: 2 * largeBytes, quotaBytes, uploadsPending: 2 },
  })
  // To the byte, and an abort gives it back.
  await announceLarge(ann, {}, { door })
  await ann.refused(initiateUpload, announce(Buffer.from('x')), { door })
  await ann.call(abortUpload, { uploadId: upload.id }, { door })
  await announceLarge(ann, {}, { door })
})

it('is not passed by many at once on two nodes', async () => {
  const [here, there] = [await world.person('ben', { node: 0 }), await world.person('ben', { node: 1 })]
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? here : there).ask(initiateUpload, {
        ...{ fileName: 'a.wav', contentType: 'audio/wav', sizeBytes: largeBytes },
      }),
    ),
  )
  expect(replies.filter(({ data }) => data !== undefined)).toHaveLength(3)
  for (const { error } of replies) if (error !== undefined) expect(error.code).toBe('quota_exceeded')
  expect(await storageOf(here)).toMatchObject({ reservedBytes: 3 * largeBytes, uploadsPending: 3 })
})

it('counts what is stored until its track is taken away, and nothing of what ended otherwise', async () => {
  const cleo = await world.person('cleo')
  const ready = await upload(world, cleo, file)
  expect(ready.state).toBe('ready')
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 0, uploadsPending: 0 })

  expect(await upload(world, cleo, Buffer.from('no audio'))).toMatchObject({ state: 'rejected' })
  const { upload: late } = await send(cleo, Buffer.from('late'))
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 4, uploadsPending: 1 })
  await Upload.update({ expiresAt: new Date(world.clock.now() - 1) }, { where: { id: late.id } })
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: ready.sizeBytes, reservedBytes: 0, uploadsPending: 0 })

  await cleo.call(removeTrack, { trackId: ready.trackId })
  expect(await storageOf(cleo)).toMatchObject({ usedBytes: 0, reservedBytes: 0 })
})

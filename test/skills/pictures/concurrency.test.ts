import { Op } from 'sequelize'
import { Picture, Profile, Track } from '../../../models'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { abortPicture } from '../../../skills/pictures/abort-picture'
import { removeAvatar as removeProfileAvatar } from '../../../skills/moderation/remove-avatar'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { finishProcessing, failProcessing, serverFailure } from '../../../skills/pictures/processing-states'
import { processPicture } from '../../../skills/pictures/process-picture'
import { renderSentPicture } from '../../../skills/pictures/render-sent-picture'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { replacedFilesLifeMs } from '../../../skills/pictures/rules'
import { pictureFiles } from '../../../media/pictures/picture-files'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { makeTrack } from '../../factories'
import { blue, plainPng, red } from '../../make-pictures'
import { createTestApp, type TestApp } from '../../test-app'
import {
  addPicture,
  pictureInput,
  submitPicture,
  createJobContext,
  sendPicture,
  storedKeys,
  transactAsJob,
  runJobsDueWithin,
} from './add-picture'

let testApp: TestApp
let png: Buffer
let other: Buffer
beforeAll(async () => {
  testApp = await createTestApp()
  png = await plainPng()
  other = await plainPng({ color: blue })
})
afterAll(() => testApp[Symbol.asyncDispose]())

describe('several pictures', () => {
  it('show the one finalized last, in whichever order they are rendered, and delete the replaced one later', async () => {
    const ann = await testApp.signIn('ann-two')
    const [early, late] = [await submitPicture(ann, png), await submitPicture(ann, other)]
    for (const id of [late, early]) await processPicture.run({ pictureId: id }, createJobContext(testApp))
    expect((await ann.call(getMe, {})).avatar?.id).toBe(late)
    expect(await ann.call(getPicture, { pictureId: early })).toMatchObject({ state: 'replaced' })
    await testApp.runJobs()
    // It was never shown, so its files are deleted at once.
    expect(await storedKeys(testApp, early)).toEqual([])

    const third = await addPicture(testApp, ann, png)
    expect((await ann.call(getMe, {})).avatar?.id).toBe(third.id)
    expect(await ann.call(getPicture, { pictureId: late })).toMatchObject({ state: 'replaced' })
    expect(await storedKeys(testApp, late)).toHaveLength(pictureFiles.length)
    await runJobsDueWithin(testApp, replacedFilesLifeMs)
    expect(await storedKeys(testApp, late)).toEqual([])
    expect(await storedKeys(testApp, third.id)).toHaveLength(pictureFiles.length)
  })

  it('show one at any time when they are rendered concurrently', async () => {
    const ann = await testApp.signIn('ann-race')
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) ids.push(await submitPicture(ann, await plainPng({ color: { ...red, g: n * 40 } })))
    await Promise.all(ids.map(pictureId => processPicture.run({ pictureId }, createJobContext(testApp))))
    const last = ids.at(-1)
    expect((await ann.call(getMe, {})).avatar?.id).toBe(last)
    const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
    expect(ready.map(({ id }) => id)).toEqual([last])
    expect(await Picture.count({ where: { id: { [Op.in]: ids }, state: 'replaced' } })).toBe(4)
  })

  it('are each finished once when several workers process the same one', async () => {
    const ann = await testApp.signIn('ann-twice')
    const pictureId = await submitPicture(ann, png)
    await Promise.all([1, 2, 3].map(() => processPicture.run({ pictureId }, createJobContext(testApp))))
    expect((await ann.call(getMe, {})).avatar?.id).toBe(pictureId)
    expect(await storedKeys(testApp, pictureId)).toHaveLength(pictureFiles.length + 1)
    await testApp.runJobs()
    expect(await storedKeys(testApp, pictureId)).toHaveLength(pictureFiles.length)
  })
})

describe('two nodes', () => {
  it('finalize two pictures at once, and the one finalized last is shown', async () => {
    const [ann, again] = [
      await testApp.signIn('ann-nodes', { node: 0 }),
      await testApp.signIn('ann-nodes', { node: 1 }),
    ]
    for (let round = 0; round < 3; round += 1) {
      const ids = [(await sendPicture(ann, png)).pictureId, (await sendPicture(again, other)).pictureId]
      await Promise.all(
        ids.flatMap(pictureId => [ann, again].map(person => person.call(finalizePicture, { pictureId }))),
      )
      await Promise.all([testApp.runJobs(), testApp.runJobs()])
      const last = await Picture.findOne({
        where: { id: ids },
        order: [['finalizeOrder', 'desc']],
        rejectOnEmpty: true,
      })
      expect((await ann.call(getMe, {})).avatar?.id).toBe(last.id)
      const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
      expect(ready.map(({ id }) => id)).toEqual([last.id])
    }
  })
})

describe('artwork of a track that is being deleted', () => {
  it('ends with it and leaves no files, in whichever order they happen', async () => {
    const ann = await testApp.signIn('ann-track')
    for (let round = 0; round < 3; round += 1) {
      const { id: trackId } = await makeTrack(ann.id)
      const shown = await addPicture(testApp, ann, png, { trackId })
      const replacing = await submitPicture(ann, other, { trackId })
      const { pictureId: sent } = await sendPicture(ann, png, { trackId })
      await Promise.all([
        processPicture.run({ pictureId: replacing }, createJobContext(testApp)),
        ann.request(finalizePicture, { pictureId: sent }),
        ann.call(deleteTrack, { trackId }),
        ann.request(initiatePicture, pictureInput(png, { trackId })),
      ])
      await testApp.runJobs()
      for (const pictureId of [shown.id, replacing, sent]) {
        expect(['removed', 'aborted']).toContain((await ann.call(getPicture, { pictureId })).state)
        expect(await storedKeys(testApp, pictureId)).toEqual([])
      }
      // A picture initiated at the same moment may still wait for its file.
      await Picture.update({ state: 'aborted' }, { where: { trackId, state: 'initiated' } })
    }
  })

  it('is removed by its worker when the track is already deleted', async () => {
    const ann = await testApp.signIn('ann-late-track')
    const { id: trackId } = await makeTrack(ann.id)
    const pictureId = await submitPicture(ann, png, { trackId })
    await Track.update({ deletedAt: new Date(testApp.clock.now()) }, { where: { id: trackId } })
    await testApp.runJobs()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'removed', error: null })
    expect(await storedKeys(testApp, pictureId)).toEqual([])
  })
})

describe('aborting or removing', () => {
  it('also removes recently replaced pictures, and leaves those replaced long ago', async () => {
    const ann = await testApp.signIn('ann-before')
    const [old, lately] = [await addPicture(testApp, ann, png), await addPicture(testApp, ann, other)]
    await addPicture(testApp, ann, png)
    const longAgo = new Date(testApp.clock.now() - replacedFilesLifeMs - 1_000)
    await Picture.update({ replacedAt: longAgo }, { where: { id: old.id } })
    await ann.call(removeAvatar, {})
    await testApp.runJobs()
    expect(await ann.call(getPicture, { pictureId: old.id })).toMatchObject({ state: 'replaced' })
    expect(await ann.call(getPicture, { pictureId: lately.id })).toMatchObject({ state: 'removed' })
    expect(await storedKeys(testApp, lately.id)).toEqual([])
  })

  it('wins over a worker that is about to finish', async () => {
    const ann = await testApp.signIn('ann-abort')
    for (const stop of [abortPicture, removeAvatar] as const) {
      const pictureId = await submitPicture(ann, png)
      const row = await Picture.findByPk(pictureId)
      if (row === null) throw new Error('picture not found')
      // The worker has rendered and stored the files, and is about to finish.
      const color = await renderSentPicture(row, createJobContext(testApp))
      expect(await storedKeys(testApp, pictureId)).toHaveLength(pictureFiles.length + 1)
      if (stop === abortPicture) await ann.call(abortPicture, { pictureId })
      else await ann.call(removeAvatar, {})
      await expect(transactAsJob(testApp, context => finishProcessing(pictureId, color, context))).rejects.toThrow()
      await transactAsJob(testApp, context => failProcessing(pictureId, 'failed', serverFailure, context))
      await testApp.runJobs()
      expect(await storedKeys(testApp, pictureId)).toEqual([])
      expect((await ann.call(getMe, {})).avatar).toBeNull()
      const { state } = await ann.call(getPicture, { pictureId })
      expect(state).toBe(stop === abortPicture ? 'aborted' : 'removed')
    }
  })

  it('leaves no files when it happens during the work', async () => {
    const ann = await testApp.signIn('ann-middle')
    const ids = [await submitPicture(ann, png), await submitPicture(ann, png), await submitPicture(ann, png)]
    await Promise.all([
      ...ids.map(pictureId => processPicture.run({ pictureId }, createJobContext(testApp))),
      ...ids.map(pictureId => ann.request(abortPicture, { pictureId })),
    ])
    await testApp.runJobs()
    const me = await ann.call(getMe, {})
    for (const pictureId of ids) {
      const { state } = await ann.call(getPicture, { pictureId })
      expect(['aborted', 'ready', 'replaced']).toContain(state)
      expect(me.avatar?.id === pictureId).toBe(state === 'ready')
      if (state === 'aborted') expect(await storedKeys(testApp, pictureId)).toEqual([])
    }
  })

  it('of an avatar may be repeated, and a new one may follow', async () => {
    const ann = await testApp.signIn('ann-anew')
    expect(await ann.call(removeAvatar, {})).toEqual({ done: true })
    const before = await ann.call(getMe, {})
    const { id } = await addPicture(testApp, ann, png)
    await ann.call(removeAvatar, {})
    await ann.call(removeAvatar, {})
    expect(await ann.call(getMe, {})).toMatchObject({ avatar: null, rev: before.rev + 2 })
    expect(await ann.expectProblem(abortPicture, { pictureId: id })).toMatchObject({
      code: 'picture_closed',
      status: 409,
    })
    await testApp.runJobs()
    expect(await storedKeys(testApp, id)).toEqual([])
    expect(await addPicture(testApp, ann, png)).toMatchObject({ state: 'ready' })
  })

  it("of another profile's avatar is allowed to moderators", async () => {
    const [ann, bob] = [await testApp.signIn('ann-rude'), await testApp.signIn('bob')]
    const moderator = await testApp.signIn('mod', { roles: ['moderator'] })
    const { id } = await addPicture(testApp, ann, png)
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    expect(await bob.expectProblem(removeProfileAvatar, { profileId: ann.id })).toMatchObject({
      code: 'forbidden',
      status: 403,
    })
    await moderator.call(removeProfileAvatar, { profileId: ann.id })
    await moderator.call(removeProfileAvatar, { profileId: ann.id })
    await recorder.waitFor(
      'pictures.pictureChanged',
      ({ picture }) => (picture as { state: string }).state === 'removed',
    )
    expect(await bob.call(getProfile, { handleOrId: ann.id })).toMatchObject({ avatar: null })
    await testApp.runJobs()
    expect(await storedKeys(testApp, id)).toEqual([])
  })

  it('concurrent with finalizing and rendering ends in one consistent state', async () => {
    const ann = await testApp.signIn('ann-all')
    for (let round = 0; round < 3; round += 1) {
      const ids = [await submitPicture(ann, png), await submitPicture(ann, other)]
      await Promise.all([
        ...ids.map(pictureId => processPicture.run({ pictureId }, createJobContext(testApp))),
        ann.call(removeAvatar, {}),
        ...ids.map(pictureId => ann.call(finalizePicture, { pictureId })),
      ])
      await testApp.runJobs()
      const profile = await Profile.findByPk(ann.id)
      const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
      expect(ready.map(({ id }) => id)).toEqual(profile?.avatarId == null ? [] : [profile.avatarId])
      for (const { id } of ready) expect(await storedKeys(testApp, id)).toHaveLength(pictureFiles.length)
    }
  })
})

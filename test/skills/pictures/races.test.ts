import { Op } from 'sequelize'
import { Picture, Profile, Track } from '../../../models'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { abortPicture } from '../../../skills/pictures/abort-picture'
import { clearAvatar } from '../../../skills/pictures/clear-avatar'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { finish, giveUp, ourFault } from '../../../skills/pictures/processing'
import { processPicture } from '../../../skills/pictures/process-picture'
import { redraw } from '../../../skills/pictures/redraw'
import { removeAvatar } from '../../../skills/pictures/remove-avatar'
import { pictureFiles, replacedKeptMs } from '../../../skills/pictures/rules'
import { getMe } from '../../../skills/user-profile/get-me'
import { getProfile } from '../../../skills/user-profile/get-profile'
import { makeTrack } from '../../factories'
import { blue, plainPng, red } from '../../pictures'
import { freshWorld, type TestWorld } from '../../world'
import {
  addPicture,
  announcePicture,
  handIn,
  jobContext,
  sendPicture,
  storedOf,
  transactIn,
  workAfter,
} from './picturing'

let world: TestWorld
let png: Buffer
let other: Buffer
beforeAll(async () => {
  world = await freshWorld()
  png = await plainPng()
  other = await plainPng({ color: blue })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('of several', () => {
  it('the one that was finalized last is shown, whichever is drawn first, and what it replaced goes later', async () => {
    const ann = await world.person('ann-two')
    const [early, late] = [await handIn(ann, png), await handIn(ann, other)]
    for (const id of [late, early]) await processPicture.run({ pictureId: id }, jobContext(world))
    expect((await ann.call(getMe, {})).avatar?.id).toBe(late)
    expect(await ann.call(getPicture, { pictureId: early })).toMatchObject({ state: 'replaced' })
    await world.work()
    // It was never shown: nobody needs it.
    expect(await storedOf(world, early)).toEqual([])

    const third = await addPicture(world, ann, png)
    expect((await ann.call(getMe, {})).avatar?.id).toBe(third.id)
    expect(await ann.call(getPicture, { pictureId: late })).toMatchObject({ state: 'replaced' })
    expect(await storedOf(world, late)).toHaveLength(pictureFiles.length)
    await workAfter(world, replacedKeptMs)
    expect(await storedOf(world, late)).toEqual([])
    expect(await storedOf(world, third.id)).toHaveLength(pictureFiles.length)
  })

  it('one is shown at any time when they are drawn at once', async () => {
    const ann = await world.person('ann-race')
    const ids: string[] = []
    for (let n = 0; n < 5; n += 1) ids.push(await handIn(ann, await plainPng({ color: { ...red, g: n * 40 } })))
    await Promise.all(ids.map(pictureId => processPicture.run({ pictureId }, jobContext(world))))
    const last = ids.at(-1)
    expect((await ann.call(getMe, {})).avatar?.id).toBe(last)
    const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
    expect(ready.map(({ id }) => id)).toEqual([last])
    expect(await Picture.count({ where: { id: { [Op.in]: ids }, state: 'replaced' } })).toBe(4)
  })

  it('each is drawn once to its end when two workers have it', async () => {
    const ann = await world.person('ann-twice')
    const pictureId = await handIn(ann, png)
    await Promise.all([1, 2, 3].map(() => processPicture.run({ pictureId }, jobContext(world))))
    expect((await ann.call(getMe, {})).avatar?.id).toBe(pictureId)
    expect(await storedOf(world, pictureId)).toHaveLength(pictureFiles.length + 1)
    await world.work()
    expect(await storedOf(world, pictureId)).toHaveLength(pictureFiles.length)
  })
})

describe('two nodes', () => {
  it('finalize two pictures at once: the one whose turn came last is shown', async () => {
    const [ann, again] = [await world.person('ann-nodes', { node: 0 }), await world.person('ann-nodes', { node: 1 })]
    for (let round = 0; round < 3; round += 1) {
      const ids = [(await sendPicture(ann, png)).pictureId, (await sendPicture(again, other)).pictureId]
      await Promise.all(
        ids.flatMap(pictureId => [ann, again].map(person => person.call(finalizePicture, { pictureId }))),
      )
      await Promise.all([world.work(), world.work()])
      const last = await Picture.findOne({ where: { id: ids }, order: [['turn', 'desc']], rejectOnEmpty: true })
      expect((await ann.call(getMe, {})).avatar?.id).toBe(last.id)
      const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
      expect(ready.map(({ id }) => id)).toEqual([last.id])
    }
  })
})

describe('artwork of a track that is being removed', () => {
  it('ends with it, and leaves nothing, whatever comes first', async () => {
    const ann = await world.person('ann-track')
    for (let round = 0; round < 3; round += 1) {
      const { id: trackId } = await makeTrack(ann.id)
      const shown = await addPicture(world, ann, png, { trackId })
      const replacing = await handIn(ann, other, { trackId })
      const { pictureId: sent } = await sendPicture(ann, png, { trackId })
      await Promise.all([
        processPicture.run({ pictureId: replacing }, jobContext(world)),
        ann.ask(finalizePicture, { pictureId: sent }),
        ann.call(removeTrack, { trackId }),
        ann.ask(initiatePicture, announcePicture(png, { trackId })),
      ])
      await world.work()
      for (const pictureId of [shown.id, replacing, sent]) {
        expect(['removed', 'aborted']).toContain((await ann.call(getPicture, { pictureId })).state)
        expect(await storedOf(world, pictureId)).toEqual([])
      }
      // What was announced in the same moment may wait for its file, and comes to nothing.
      await Picture.update({ state: 'aborted' }, { where: { trackId, state: 'initiated' } })
    }
  })

  it('is removed when its worker is the first to see that the track is gone', async () => {
    const ann = await world.person('ann-late-track')
    const { id: trackId } = await makeTrack(ann.id)
    const pictureId = await handIn(ann, png, { trackId })
    await Track.update({ removedAt: new Date(world.clock.now()) }, { where: { id: trackId } })
    await world.work()
    expect(await ann.call(getPicture, { pictureId })).toMatchObject({ state: 'removed', fault: null })
    expect(await storedOf(world, pictureId)).toEqual([])
  })
})

describe('giving up', () => {
  it('takes what was replaced lately along, and leaves what was replaced long ago', async () => {
    const ann = await world.person('ann-before')
    const [old, lately] = [await addPicture(world, ann, png), await addPicture(world, ann, other)]
    await addPicture(world, ann, png)
    const longAgo = new Date(world.clock.now() - replacedKeptMs - 1_000)
    await Picture.update({ replacedAt: longAgo }, { where: { id: old.id } })
    await ann.call(removeAvatar, {})
    await world.work()
    expect(await ann.call(getPicture, { pictureId: old.id })).toMatchObject({ state: 'replaced' })
    expect(await ann.call(getPicture, { pictureId: lately.id })).toMatchObject({ state: 'removed' })
    expect(await storedOf(world, lately.id)).toEqual([])
  })

  it('wins over the worker, whenever it is said', async () => {
    const ann = await world.person('ann-abort')
    for (const stop of [abortPicture, removeAvatar] as const) {
      const pictureId = await handIn(ann, png)
      const row = await Picture.findByPk(pictureId)
      if (row === null) throw new Error('it was announced')
      // The worker has drawn and stored it, and is about to say so.
      const color = await redraw(row, jobContext(world))
      expect(await storedOf(world, pictureId)).toHaveLength(pictureFiles.length + 1)
      if (stop === abortPicture) await ann.call(abortPicture, { pictureId })
      else await ann.call(removeAvatar, {})
      await expect(transactIn(world, context => finish(pictureId, color, context))).rejects.toThrow()
      await transactIn(world, context => giveUp(pictureId, 'failed', ourFault, context))
      await world.work()
      expect(await storedOf(world, pictureId)).toEqual([])
      expect((await ann.call(getMe, {})).avatar).toBeNull()
      const { state } = await ann.call(getPicture, { pictureId })
      expect(state).toBe(stop === abortPicture ? 'aborted' : 'removed')
    }
  })

  it('leaves nothing when it comes in the middle of the work', async () => {
    const ann = await world.person('ann-middle')
    const ids = [await handIn(ann, png), await handIn(ann, png), await handIn(ann, png)]
    await Promise.all([
      ...ids.map(pictureId => processPicture.run({ pictureId }, jobContext(world))),
      ...ids.map(pictureId => ann.ask(abortPicture, { pictureId })),
    ])
    await world.work()
    const me = await ann.call(getMe, {})
    for (const pictureId of ids) {
      const { state } = await ann.call(getPicture, { pictureId })
      expect(['aborted', 'ready', 'replaced']).toContain(state)
      expect(me.avatar?.id === pictureId).toBe(state === 'ready')
      if (state === 'aborted') expect(await storedOf(world, pictureId)).toEqual([])
    }
  })

  it('of an avatar may be said again, and after it a new one may be shown', async () => {
    const ann = await world.person('ann-anew')
    expect(await ann.call(removeAvatar, {})).toEqual({ done: true })
    const before = await ann.call(getMe, {})
    const { id } = await addPicture(world, ann, png)
    await ann.call(removeAvatar, {})
    await ann.call(removeAvatar, {})
    expect(await ann.call(getMe, {})).toMatchObject({ avatar: null, rev: before.rev + 2 })
    expect(await ann.refused(abortPicture, { pictureId: id })).toMatchObject({ code: 'picture_over', status: 409 })
    await world.work()
    expect(await storedOf(world, id)).toEqual([])
    expect(await addPicture(world, ann, png)).toMatchObject({ state: 'ready' })
  })

  it('of somebody’s avatar is up to moderators', async () => {
    const [ann, bob] = [await world.person('ann-rude'), await world.person('bob')]
    const moderator = await world.person('mod', { roles: ['moderator'] })
    const { id } = await addPicture(world, ann, png)
    const heard = await ann.hear(`user:${ann.id}`)
    expect(await bob.refused(clearAvatar, { profileId: ann.id })).toMatchObject({ code: 'forbidden', status: 403 })
    await moderator.call(clearAvatar, { profileId: ann.id })
    await moderator.call(clearAvatar, { profileId: ann.id })
    await heard.first('pictures.pictureChanged', ({ picture }) => (picture as { state: string }).state === 'removed')
    expect(await bob.call(getProfile, { handleOrId: ann.id })).toMatchObject({ avatar: null })
    await world.work()
    expect(await storedOf(world, id)).toEqual([])
  })

  it('and removing, finalizing and drawing at once end in one state everywhere', async () => {
    const ann = await world.person('ann-all')
    for (let round = 0; round < 3; round += 1) {
      const ids = [await handIn(ann, png), await handIn(ann, other)]
      await Promise.all([
        ...ids.map(pictureId => processPicture.run({ pictureId }, jobContext(world))),
        ann.call(removeAvatar, {}),
        ...ids.map(pictureId => ann.call(finalizePicture, { pictureId })),
      ])
      await world.work()
      const profile = await Profile.findByPk(ann.id)
      const ready = await Picture.findAll({ where: { ownerId: ann.id, state: 'ready' } })
      expect(ready.map(({ id }) => id)).toEqual(profile?.avatarId == null ? [] : [profile.avatarId])
      for (const { id } of ready) expect(await storedOf(world, id)).toHaveLength(pictureFiles.length)
    }
  })
})

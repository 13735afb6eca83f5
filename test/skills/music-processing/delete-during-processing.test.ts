import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { Track, Upload, Waveform } from '../../../models'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { processUpload } from '../../../skills/music-processing/process-upload'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { replaceAudio } from '../../../skills/music-upload/replace-audio'
import { makeAudio } from '../../make-audio'
import { makeTrack } from '../../factories'
import { waitUntil } from '../../kernel/wait-until'
import { type EventRecorder, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { uploadInput, sendFile } from '../music-upload/upload-file'

/** Aborting an upload or deleting its track wins over the worker that processes it, at any moment. */
let testApp: TestApp
let file: string
let node0: Person
let node1: Person
let recorder: EventRecorder
beforeAll(async () => {
  testApp = await createTestApp()
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  node0 = await testApp.signIn('ann', { node: 0 })
  node1 = await testApp.signIn('ann', { node: 1 })
  recorder = await node1.recordEvents(`user:${node1.id}`)
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function createFinalizedUpload() {
  const { upload } = await sendFile(node0, file)
  const { trackId } = await node0.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('a finalized upload has a track')
  return { uploadId: upload.id, trackId }
}

/** A worker's context that calls `interrupt` before the given transaction, counted from 1. */
function context(before = 0, interrupt: () => Promise<unknown> = async () => undefined): JobContext {
  let count = 0
  return {
    ...{ app: testApp.app, attempt: 1, isLastAttempt: false, signal: new AbortController().signal },
    async transact(work) {
      count += 1
      if (count === before) await interrupt()
      return transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)
    },
  }
}

const readyEvents = (uploadId: string) =>
  recorder.events.filter(({ data }) => {
    const upload = data.upload as { id?: string; state?: string } | undefined
    return upload?.id === uploadId && upload.state === 'ready'
  })

const listProcesses = () =>
  new Promise<string>(resolve => execFile('ps', ['-eo', 'args'], (_error, out) => resolve(out)))

async function expectNothingLeft({ uploadId, trackId }: { uploadId: string; trackId: string }): Promise<void> {
  await testApp.app.db.query(
    'update graphile_worker._private_jobs set run_at = now() where locked_at is null returning id',
  )
  await testApp.runJobs()
  for (const key of [`incoming/${uploadId}`, `audio/${trackId}/${uploadId}.mp3`])
    expect(await testApp.app.storage.head(key)).toBeUndefined()
  expect((await Track.findByPk(trackId))?.deletedAt).toBeInstanceOf(Date)
  expect(await listProcesses()).not.toContain(`tutti-work-${process.pid}-`)
}

async function expectAborted(target: { uploadId: string; trackId: string }): Promise<void> {
  await expectNothingLeft(target)
  expect(await node0.call(getUpload, { uploadId: target.uploadId })).toMatchObject({ state: 'aborted', step: null })
  expect(await Upload.findByPk(target.uploadId)).toMatchObject({ leaseRunId: null })
  expect(await Waveform.count({ where: { trackId: target.trackId } })).toBe(0)
  expect(readyEvents(target.uploadId)).toEqual([])
}

// The transactions of a run: begin, probing, waveform, storing, finish.
describe.each([1, 2, 3, 4, 5])('before transaction %i of a worker', step => {
  it('concurrent aborts and a deletion from two nodes win', async () => {
    const target = await createFinalizedUpload()
    const both = () =>
      Promise.all([
        node0.request(abortUpload, { uploadId: target.uploadId }),
        node1.request(deleteTrack, { trackId: target.trackId }),
        node1.request(abortUpload, { uploadId: target.uploadId }, { transport: 'socket' }),
      ])
    await processUpload.run({ uploadId: target.uploadId }, context(step, both))
    await expectAborted(target)
  })
})

it('a deletion that waits for the lock of the track wins over the worker that waits behind it', async () => {
  const target = await createFinalizedUpload()
  const remove: Promise<unknown>[] = []
  const waitForLockWaits = async (number: number) =>
    waitUntil(async () => {
      const sql = `select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      const [row] = await testApp.app.db.query<{ n: string }>(sql)
      return Number(row?.n) >= number
    })
  let release = () => undefined as unknown
  const hold = async () => {
    const held = new Promise<void>(resolve => {
      void testApp.app.db.transaction(async () => {
        await Track.findByPk(target.trackId, { lock: true })
        resolve()
        await new Promise<void>(resolveRelease => (release = resolveRelease))
      })
    })
    await held
    remove.push(node1.call(deleteTrack, { trackId: target.trackId }))
    await waitForLockWaits(1)
  }
  const processing = processUpload.run({ uploadId: target.uploadId }, context(5, hold))
  await waitForLockWaits(2)
  release()
  await Promise.all([processing, ...remove])
  await expectAborted(target)
})

it('the same holds at any moment', async () => {
  for (let round = 0; round < 12; round += 1) {
    const target = await createFinalizedUpload()
    const processing = testApp.runJobs()
    await pause(round * 40)
    const [aborted] = await Promise.all([
      node0.request(abortUpload, { uploadId: target.uploadId }),
      pause(round % 3).then(() => node1.request(deleteTrack, { trackId: target.trackId })),
    ])
    await processing
    const { state } = await node0.call(getUpload, { uploadId: target.uploadId })
    if (state === 'aborted') await expectAborted(target)
    else {
      // It was ready before the abort; then the track is deleted as any other.
      expect([state, aborted.error?.code]).toEqual(['ready', 'upload_closed'])
      await expectNothingLeft(target)
    }
  }
})

it('a replacement initiated concurrently with the deletion on two nodes is aborted or refused', async () => {
  const seen = new Set<string>()
  for (let round = 0; round < 12; round += 1) {
    const { id: trackId } = await makeTrack(node0.id)
    const input = { trackId, ...uploadInput(Buffer.from('x')) }
    const initiate = () => node0.request(replaceAudio, input, { transport: round % 4 < 2 ? 'rest' : 'socket' })
    const remove = () => node1.request(deleteTrack, { trackId })
    const [one, other] = round % 2 === 0 ? [initiate, remove] : [remove, initiate]
    const replies = await Promise.all([one(), pause(round % 3).then(other), pause(round % 5).then(initiate)])
    for (const { error } of replies) expect([undefined, 'not_found']).toContain(error?.code)
    const states = (await Upload.findAll({ where: { trackId } })).map(({ state }) => state)
    for (const state of states) expect(state).toBe('aborted')
    seen.add(states.length === 0 ? 'deleted first' : 'initiated first')
  }
  expect(seen).toContain('initiated first')
})

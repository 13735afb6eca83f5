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

/** Whoever takes an upload or its track away wins over the worker that has it, whenever it is. */
let testApp: TestApp
let file: string
let here: Person
let there: Person
let heard: EventRecorder
beforeAll(async () => {
  testApp = await createTestApp()
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  here = await testApp.signIn('ann', { node: 0 })
  there = await testApp.signIn('ann', { node: 1 })
  heard = await there.recordEvents(`user:${there.id}`)
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function finalized() {
  const { upload } = await sendFile(here, file)
  const { trackId } = await here.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('an upload that was finalized has a track')
  return { uploadId: upload.id, trackId }
}

/** A worker's context; before its transaction of that number, counted from 1, something happens. */
function context(before = 0, happen: () => Promise<unknown> = async () => undefined): JobContext {
  let count = 0
  return {
    ...{ app: testApp.app, attempt: 1, isLastAttempt: false, signal: new AbortController().signal },
    async transact(work) {
      count += 1
      if (count === before) await happen()
      return transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)
    },
  }
}

const readyEvents = (uploadId: string) =>
  heard.events.filter(({ data }) => {
    const upload = data.upload as { id?: string; state?: string } | undefined
    return upload?.id === uploadId && upload.state === 'ready'
  })

const tools = () => new Promise<string>(resolve => execFile('ps', ['-eo', 'args'], (_error, out) => resolve(out)))

async function leftNothing({ uploadId, trackId }: { uploadId: string; trackId: string }): Promise<void> {
  await testApp.app.db.query(
    'update graphile_worker._private_jobs set run_at = now() where locked_at is null returning id',
  )
  await testApp.runJobs()
  for (const key of [`incoming/${uploadId}`, `audio/${trackId}/${uploadId}.mp3`])
    expect(await testApp.app.storage.head(key)).toBeUndefined()
  expect((await Track.findByPk(trackId))?.deletedAt).toBeInstanceOf(Date)
  expect(await tools()).not.toContain(`tutti-work-${process.pid}-`)
}

async function endedAborted(taken: { uploadId: string; trackId: string }): Promise<void> {
  await leftNothing(taken)
  expect(await here.call(getUpload, { uploadId: taken.uploadId })).toMatchObject({ state: 'aborted', step: null })
  expect(await Upload.findByPk(taken.uploadId)).toMatchObject({ leaseRunId: null })
  expect(await Waveform.count({ where: { trackId: taken.trackId } })).toBe(0)
  expect(readyEvents(taken.uploadId)).toEqual([])
}

// The transactions of a run: begin, probing, waveform, storing, finish.
describe.each([1, 2, 3, 4, 5])('before transaction %i of a worker', step => {
  it('an abort and a removal from two nodes at once win', async () => {
    const taken = await finalized()
    const both = () =>
      Promise.all([
        here.request(abortUpload, { uploadId: taken.uploadId }),
        there.request(deleteTrack, { trackId: taken.trackId }),
        there.request(abortUpload, { uploadId: taken.uploadId }, { transport: 'socket' }),
      ])
    await processUpload.run({ uploadId: taken.uploadId }, context(step, both))
    await endedAborted(taken)
  })
})

it('a removal that waits for the track wins over the worker that waits for the removal', async () => {
  const taken = await finalized()
  const removed: Promise<unknown>[] = []
  const waiting = async (number: number) =>
    waitUntil(async () => {
      const sql = `select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      const [row] = await testApp.app.db.query<{ n: string }>(sql)
      return Number(row?.n) >= number
    })
  let release = () => undefined as unknown
  const hold = async () => {
    const held = new Promise<void>(resolve => {
      void testApp.app.db.transaction(async () => {
        await Track.findByPk(taken.trackId, { lock: true })
        resolve()
        await new Promise<void>(letGo => (release = letGo))
      })
    })
    await held
    removed.push(there.call(deleteTrack, { trackId: taken.trackId }))
    await waiting(1)
  }
  const worked = processUpload.run({ uploadId: taken.uploadId }, context(5, hold))
  await waiting(2)
  release()
  await Promise.all([worked, ...removed])
  await endedAborted(taken)
})

it('holds at whatever moment it happens', async () => {
  for (let round = 0; round < 12; round += 1) {
    const taken = await finalized()
    const worked = testApp.runJobs()
    await pause(round * 40)
    const [aborted] = await Promise.all([
      here.request(abortUpload, { uploadId: taken.uploadId }),
      pause(round % 3).then(() => there.request(deleteTrack, { trackId: taken.trackId })),
    ])
    await worked
    const { state } = await here.call(getUpload, { uploadId: taken.uploadId })
    if (state === 'aborted') await endedAborted(taken)
    else {
      // It was ready before anybody asked; then the track goes as any other does.
      expect([state, aborted.error?.code]).toEqual(['ready', 'upload_closed'])
      await leftNothing(taken)
    }
  }
})

it('new audio that is announced at the very moment of the removal, on two nodes, is given up or refused', async () => {
  const seen = new Set<string>()
  for (let round = 0; round < 12; round += 1) {
    const { id: trackId } = await makeTrack(here.id)
    const input = { trackId, ...uploadInput(Buffer.from('x')) }
    const announced = () => here.request(replaceAudio, input, { transport: round % 4 < 2 ? 'rest' : 'socket' })
    const removed = () => there.request(deleteTrack, { trackId })
    const [one, other] = round % 2 === 0 ? [announced, removed] : [removed, announced]
    const replies = await Promise.all([one(), pause(round % 3).then(other), pause(round % 5).then(announced)])
    for (const { error } of replies) expect([undefined, 'not_found']).toContain(error?.code)
    const states = (await Upload.findAll({ where: { trackId } })).map(({ state }) => state)
    for (const state of states) expect(state).toBe('aborted')
    seen.add(states.length === 0 ? 'removed first' : 'announced first')
  }
  expect(seen).toContain('announced first')
})

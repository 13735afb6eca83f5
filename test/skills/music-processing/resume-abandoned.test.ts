import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { Upload } from '../../../models'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { LeaseLost, acquireLease, withLease } from '../../../skills/music-processing/lease'
import { startProcessing } from '../../../skills/music-processing/processing-states'
import { processUpload } from '../../../skills/music-processing/process-upload'
import { leaseMs, processingAttemptsMax } from '../../../skills/music-processing/rules'
import { resumeAbandoned } from '../../../skills/music-processing/resume-abandoned'
import { getTrack } from '../../../skills/tracks/get-track'
import { makeAudio } from '../../make-audio'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { sendFile } from '../music-upload/upload-file'

/** Uploads of workers that died or froze are resumed, once. */
let testApp: TestApp
let file: string
let ann: Person
beforeAll(async () => {
  testApp = await createTestApp()
  file = await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3')
  ann = await testApp.signIn('ann')
})
afterAll(() => testApp[Symbol.asyncDispose]())

const sql = (text: string, values: Record<string, unknown> = {}) =>
  testApp.app.db.query<Record<string, unknown>>(text, values)

async function createFinalizedUpload() {
  const { upload } = await sendFile(ann, file)
  const { trackId } = await ann.call(finalizeUpload, { uploadId: upload.id })
  if (trackId === null) throw new Error('a finalized upload has a track')
  return { uploadId: upload.id, trackId }
}

/** A worker's context that calls `interrupt` before the given transaction, counted from 1. */
function context(before = 0, interrupt: () => Promise<unknown> = async () => undefined): JobContext {
  let count = 0
  return {
    app: testApp.app,
    attempt: 1,
    isLastAttempt: false,
    signal: new AbortController().signal,
    async transact(work) {
      count += 1
      if (count === before) await interrupt()
      return transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)
    },
  }
}

/** As if a worker had started the upload and been killed. */
async function simulateDeadWorker(uploadId: string): Promise<void> {
  await context().transact(inside => startProcessing(uploadId, randomUUID(), inside))
  await sql(
    `update graphile_worker._private_jobs set locked_by = 'dead', locked_at = now() - interval '10 minutes', attempts = attempts + 1
     where key = :key returning 1 as done`,
    { key: `process:${uploadId}` },
  )
}

const expireLease = (uploadId: string) =>
  sql(`update uploads set lease_until = now() - interval '1 second' where id = :uploadId returning 1 as done`, {
    uploadId,
  })

const resume = () => resumeAbandoned.run({}, context())
const stateOf = async (uploadId: string) => (await ann.call(getUpload, { uploadId })).state

it('leaves alone uploads that wait, are processed, or wait for their next attempt', async () => {
  const { uploadId } = await createFinalizedUpload()
  await resume()
  await context().transact(inside => startProcessing(uploadId, randomUUID(), inside))
  await sql(`update graphile_worker._private_jobs set locked_by = 'busy', locked_at = now() returning 1 as done`)
  const listJobs = () => sql('select id, key, locked_by, attempts from graphile_worker._private_jobs order by id')
  const before = await listJobs()
  await resume()
  expect(await listJobs()).toEqual(before)
  // After a failed attempt the lease may expire; the job is retried by the queue.
  await expireLease(uploadId)
  await sql(`update graphile_worker._private_jobs set locked_by = null, locked_at = null, attempts = 1,
             run_at = now() + interval '1 minute' returning 1 as done`)
  const waiting = await listJobs()
  await resume()
  expect(await listJobs()).toEqual(waiting)
  await ann.call(abortUpload, { uploadId })
  await testApp.runJobs()
})

it('gives the upload of a dead worker to another, once under concurrent resumes', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  await simulateDeadWorker(uploadId)
  await resume()
  expect(await sql(`select key from graphile_worker._private_jobs where key = 'process:${uploadId}'`)).toHaveLength(1)
  await testApp.runJobs()
  expect(await stateOf(uploadId)).toBe('processing')

  await expireLease(uploadId)
  await Promise.all(Array.from({ length: 8 }, resume))
  await testApp.runJobs()
  expect(await stateOf(uploadId)).toBe('ready')
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'ready' })
  expect(await Upload.findByPk(uploadId)).toMatchObject({ attempts: 2, leaseRunId: null, leaseUntil: null })
  // The dead worker's job is deleted as soon as the queue unlocks it.
  expect(await sql(`select id from graphile_worker._private_jobs where locked_by = 'dead'`)).toHaveLength(1)
  await sql(
    `update graphile_worker._private_jobs set locked_at = now() - interval '5 hours' where locked_by = 'dead' returning 1 as done`,
  )
  await resume()
  expect(await sql(`select id from graphile_worker._private_jobs where locked_by = 'dead'`)).toEqual([])
})

it('resumes an upload without a job', async () => {
  const { uploadId } = await createFinalizedUpload()
  await sql('delete from graphile_worker._private_jobs returning 1 as done')
  await resume()
  await testApp.runJobs()
  expect(await stateOf(uploadId)).toBe('ready')
})

it('gives a worker that has just locked the job time to acquire its lease', async () => {
  const { uploadId } = await createFinalizedUpload()
  const lock = (seconds: number) =>
    sql(
      `update graphile_worker._private_jobs set locked_by = 'slow', locked_at = now() - interval '${seconds} seconds' returning 1 as done`,
    )
  const jobs = () => sql(`select id from graphile_worker.jobs where task_identifier = 'music-processing.processUpload'`)
  await lock(0)
  await resume()
  expect(await jobs()).toHaveLength(1)
  await lock(leaseMs / 1_000 + 1)
  await resume()
  expect(await jobs()).toHaveLength(2)
  await testApp.runJobs()
  expect(await stateOf(uploadId)).toBe('ready')
})

it('fails an upload that kills every worker, with a message, and keeps the file', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  for (let deaths = 1; deaths <= processingAttemptsMax; deaths += 1) {
    expect(await stateOf(uploadId)).not.toBe('failed')
    await simulateDeadWorker(uploadId)
    await expireLease(uploadId)
    await resume()
  }
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({
    state: 'failed',
    error: { code: 'processing_crashed', message: expect.stringMatching(/^[A-Z].*\.$/) as string },
  })
  expect(await ann.call(getTrack, { trackId })).toMatchObject({ state: 'failed' })
  await testApp.runJobs()
  expect(await stateOf(uploadId)).toBe('failed')
  expect(await testApp.app.storage.head(`incoming/${uploadId}`)).toBeDefined()
})

const isReady = (seen: unknown, uploadId: string) =>
  JSON.stringify(seen, ['id', 'state']) === JSON.stringify({ id: uploadId, state: 'ready' })

describe('a worker that was frozen beyond its lease', () => {
  // The transactions of a run: begin, probing, waveform, storing, finish.
  it.each([2, 3, 4, 5])('writes nothing from transaction %i on, while another worker finishes', async step => {
    const { uploadId, trackId } = await createFinalizedUpload()
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const processElsewhere = async () => {
      await expireLease(uploadId)
      await sql(`update graphile_worker._private_jobs set locked_by = null, locked_at = null returning 1 as done`)
      await testApp.runJobs()
    }
    await processUpload.run({ uploadId }, context(step, processElsewhere))
    await testApp.runJobs()
    expect(await stateOf(uploadId)).toBe('ready')
    expect(await testApp.app.storage.head(`audio/${trackId}/${uploadId}.mp3`)).toBeDefined()
    const ends = (await recorder.waitForAll(testApp.app)).filter(({ data }) => isReady(data.upload, uploadId))
    expect(ends).toHaveLength(1)
  })

  it('leaves no objects when its upload was aborted meanwhile', async () => {
    const { uploadId, trackId } = await createFinalizedUpload()
    const abort = async () => {
      await ann.call(abortUpload, { uploadId })
      await sql(
        `update uploads set lease_until = now() - interval '1 second' where id = :uploadId returning 1 as done`,
        {
          uploadId,
        },
      )
      await sql('delete from graphile_worker._private_jobs where key is not null returning 1 as done')
      await resume()
      await testApp.runJobs()
    }
    await processUpload.run({ uploadId }, context(5, abort))
    expect(await testApp.app.storage.head(`audio/${trackId}/${uploadId}.mp3`)).toBeUndefined()
    expect(await Upload.findByPk(uploadId)).toMatchObject({ state: 'aborted', leaseRunId: null })
  })
})

it('deletes the objects of a worker that died on an aborted upload', async () => {
  const { uploadId, trackId } = await createFinalizedUpload()
  await simulateDeadWorker(uploadId)
  await ann.call(abortUpload, { uploadId })
  await testApp.runJobs()
  await testApp.app.storage.put(`audio/${trackId}/${uploadId}.mp3`, Buffer.from('stored after the abort'), 'audio/mpeg')
  await expireLease(uploadId)
  await resume()
  await testApp.runJobs()
  expect(await testApp.app.storage.head(`audio/${trackId}/${uploadId}.mp3`)).toBeUndefined()
  expect(await Upload.findByPk(uploadId)).toMatchObject({ state: 'aborted', leaseRunId: null })
})

describe('a lease', () => {
  const times = { lifeMs: 200, renewEveryMs: 20 }

  async function runWithLease(work: (run: string, uploadId: string, inside: JobContext) => Promise<unknown>) {
    const { uploadId } = await createFinalizedUpload()
    const run = randomUUID()
    await context().transact(async inside => {
      await startProcessing(uploadId, run, inside)
    })
    return withLease(uploadId, run, context(), inside => work(run, uploadId, inside), times)
  }

  it('is renewed while the work runs', async () => {
    const leaseUntilOf = async (uploadId: string) => (await Upload.findByPk(uploadId))?.leaseUntil?.getTime() ?? 0
    await runWithLease(async (_run, uploadId, { signal }) => {
      const first = await leaseUntilOf(uploadId)
      while ((await leaseUntilOf(uploadId)) === first) await pause(10)
      expect(signal.aborted).toBe(false)
    })
  })

  it('acquired by another worker ends the work at once, as does an abort', async () => {
    const sleep = (signal: AbortSignal) => pause(8_000, undefined, { signal })
    const stolen = runWithLease(async (_run, uploadId, { signal }) => {
      await context().transact(inside => acquireLease(uploadId, randomUUID(), inside))
      await sleep(signal)
    })
    await expect(stolen).rejects.toThrow(LeaseLost)
    const abort = runWithLease(async (_run, uploadId, { signal }) => {
      await ann.call(abortUpload, { uploadId })
      await sleep(signal)
    })
    await expect(abort).rejects.toThrow(LeaseLost)
  })
})

import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/events/job'
import { transact } from '../../../kernel/pipeline/transact'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { LeaseLost } from '../../../skills/music-processing/lease'
import { startProcessing } from '../../../skills/music-processing/processing-states'
import { withHeartbeat } from '../../../skills/music-processing/with-heartbeat'
import { makeAudio } from '../../make-audio'
import { waitUntil } from '../../kernel/wait-until'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { sendFile } from '../music-upload/upload-file'

let testApp: TestApp
let ann: Person
let context: JobContext
beforeAll(async () => {
  testApp = await createTestApp()
  ann = await testApp.signIn('ann')
  context = {
    ...{ app: testApp.app, attempt: 1, isLastAttempt: false, signal: new AbortController().signal },
    transact: work => transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work),
  }
})
afterAll(() => testApp[Symbol.asyncDispose]())

async function startUpload(): Promise<string> {
  const { upload } = await sendFile(ann, await makeAudio(testApp.app.config.tools.ffmpeg, 'mp3'))
  await ann.call(finalizeUpload, { uploadId: upload.id })
  await context.transact(inside => startProcessing(upload.id, randomUUID(), inside))
  return upload.id
}

it('publishes progress, at most every few seconds, and never lower', async () => {
  const uploadId = await startUpload()
  const recorder = await ann.recordEvents(`user:${ann.id}`)
  const result = await withHeartbeat(uploadId, context, async (_signal, reached) => {
    for (const share of [0.1, 0.2, 0.5, 0.5, 0.4, 0.9]) {
      reached(share)
      testApp.clock.advance(2_000)
    }
    return 'made'
  })
  expect(result).toBe('made')
  const isAt = (percent: number) => (data: Record<string, unknown>) =>
    (data.upload as { id: string; progress: number }).id === uploadId &&
    (data.upload as { progress: number }).progress === percent
  await recorder.waitFor('music-upload.uploadChanged', isAt(77))
  const percentages = recorder.events.map(({ data }) => (data.upload as { step: string; progress: number }).progress)
  expect(percentages).toEqual([65, 77])
})

it('ends the work at once when the upload is aborted', async () => {
  const uploadId = await startUpload()
  await ann.call(abortUpload, { uploadId })
  const running = withHeartbeat(uploadId, context, async (signal, reached) => {
    testApp.clock.advance(10_000)
    reached(0.5)
    await waitUntil(async () => signal.aborted)
    throw signal.reason
  })
  await expect(running).rejects.toThrow(LeaseLost)
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', progress: 5 })
})

it('passes on errors of the work and the stop of the worker', async () => {
  const uploadId = await startUpload()
  const failing = withHeartbeat(uploadId, context, async () => Promise.reject(new Error('no disk')))
  await expect(failing).rejects.toThrow('no disk')
  const stopping = new AbortController()
  const stopped = withHeartbeat(uploadId, { ...context, signal: stopping.signal }, async signal => {
    stopping.abort(new Error('stopping'))
    signal.throwIfAborted()
  })
  await expect(stopped).rejects.toThrow('stopping')
})

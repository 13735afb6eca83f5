import { randomUUID } from 'node:crypto'
import { type JobContext } from '../../../kernel/job'
import { transact } from '../../../kernel/transact'
import { product } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { getUpload } from '../../../skills/music-upload/get-upload'
import { Overtaken } from '../../../skills/music-upload/lease'
import { begin } from '../../../skills/music-upload/processing'
import { tellWhile } from '../../../skills/music-upload/tell-while'
import { makeAudio } from '../../audio'
import { until } from '../../kernel/until'
import { type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'
import { send } from './uploading'

let world: TestWorld
let ann: Person
let context: JobContext
beforeAll(async () => {
  world = await freshWorld()
  ann = await world.person('ann')
  context = {
    ...{ world: world.world, attempt: 1, isLastAttempt: false, signal: new AbortController().signal },
    transact: work => transact({ world: world.world, product, actor: null, requestId: randomUUID() }, work),
  }
})
afterAll(() => world[Symbol.asyncDispose]())

async function begun(): Promise<string> {
  const { upload } = await send(ann, await makeAudio(world.world.config.tools.ffmpeg, 'mp3'))
  await ann.call(finalizeUpload, { uploadId: upload.id })
  await context.transact(inside => begin(upload.id, randomUUID(), inside))
  return upload.id
}

it('tells how far it is, every few seconds at most, and never backwards', async () => {
  const uploadId = await begun()
  const heard = await ann.hear(`user:${ann.id}`)
  const made = await tellWhile(uploadId, context, async (_signal, reached) => {
    for (const share of [0.1, 0.2, 0.5, 0.5, 0.4, 0.9]) {
      reached(share)
      world.clock.advance(2_000)
    }
    return 'made'
  })
  expect(made).toBe('made')
  const isAt = (percent: number) => (data: Record<string, unknown>) =>
    (data.upload as { id: string; progress: number }).id === uploadId &&
    (data.upload as { progress: number }).progress === percent
  await heard.first('music-upload.uploadChanged', isAt(77))
  const told = heard.events.map(({ data }) => (data.upload as { step: string; progress: number }).progress)
  expect(told).toEqual([65, 77])
})

it('ends the work at once when the upload is not wanted any more', async () => {
  const uploadId = await begun()
  await ann.call(abortUpload, { uploadId })
  const running = tellWhile(uploadId, context, async (signal, reached) => {
    world.clock.advance(10_000)
    reached(0.5)
    await until(async () => signal.aborted)
    throw signal.reason
  })
  await expect(running).rejects.toThrow(Overtaken)
  expect(await ann.call(getUpload, { uploadId })).toMatchObject({ state: 'aborted', progress: 5 })
})

it('hands on what goes wrong, and that the worker was told to stop', async () => {
  const uploadId = await begun()
  const failing = tellWhile(uploadId, context, async () => Promise.reject(new Error('no disk')))
  await expect(failing).rejects.toThrow('no disk')
  const stopping = new AbortController()
  const stopped = tellWhile(uploadId, { ...context, signal: stopping.signal }, async signal => {
    stopping.abort(new Error('told to stop'))
    signal.throwIfAborted()
  })
  await expect(stopped).rejects.toThrow('told to stop')
})

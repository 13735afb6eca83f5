import { type JobContext } from '../../../kernel/events/job'
import { type InputOf } from '../../../kernel/pipeline/operation'
import { transact } from '../../../kernel/pipeline/transact'
import { registry } from '../../../skills'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { type PictureView } from '../../../skills/pictures/views'
import { type Person } from '../../person'
import { type TestApp } from '../../test-app'
import { putBytes, sha256Of } from '../music-upload/upload-file'

export type PictureInput = Partial<InputOf<typeof initiatePicture>>

/** The input of `initiatePicture` for these bytes; an avatar by default. */
export const pictureInput = (bytes: Buffer, options: PictureInput = {}): InputOf<typeof initiatePicture> => ({
  purpose: options.trackId === undefined ? 'avatar' : 'artwork',
  fileName: 'me.png',
  contentType: 'image/png',
  sizeBytes: bytes.length,
  sha256: sha256Of(bytes),
  ...options,
})

/** Initiates a picture and uploads its bytes, without finalizing it. */
export async function sendPicture(person: Person, bytes: Buffer, options: PictureInput = {}) {
  const initiated = await person.call(initiatePicture, pictureInput(bytes, options))
  const status = await putBytes(initiated.putRequest, bytes)
  if (status !== 200) throw new Error(`the object store responded with ${status}`)
  return { ...initiated, pictureId: initiated.picture.id }
}

/** Uploads and finalizes a picture, without running jobs; returns its id. */
export async function submitPicture(person: Person, bytes: Buffer, options: PictureInput = {}): Promise<string> {
  const { pictureId } = await sendPicture(person, bytes, options)
  await person.call(finalizePicture, { pictureId })
  return pictureId
}

/** Uploads, finalizes and processes a picture. */
export async function addPicture(
  testApp: TestApp,
  person: Person,
  bytes: Buffer,
  options: PictureInput = {},
): Promise<PictureView> {
  const pictureId = await submitPicture(person, bytes, options)
  await testApp.runJobs()
  return person.call(getPicture, { pictureId })
}

/** The object keys that are stored for a picture. */
export async function storedKeys(testApp: TestApp, pictureId: string): Promise<string[]> {
  const keys = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'].map(
    file => `pictures/${pictureId}/${file}`,
  )
  const found = await Promise.all(
    [...keys, `incoming/${pictureId}`].map(async key => ((await testApp.app.storage.head(key)) ? [key] : [])),
  )
  return found.flat()
}

/** Runs work in a transaction like that of a job. */
export const transactAsJob = <T>({ app }: TestApp, work: Parameters<typeof transact<T, null>>[1]): Promise<T> =>
  transact({ app, registry, actor: null, requestId: 'test' }, work)

/** The context that a worker passes to a job. */
export const createJobContext = (testApp: TestApp): JobContext => ({
  app: testApp.app,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transactAsJob(testApp, work),
})

/** Runs the jobs that are due within `ms`. */
export async function runJobsDueWithin(testApp: TestApp, ms: number): Promise<void> {
  await testApp.app.db.query(
    `update graphile_worker._private_jobs set run_at = run_at - make_interval(secs => :seconds) where run_at > now()`,
    // The job queue uses real time, not the test clock.
    { seconds: (ms + testApp.clock.now() - Date.now()) / 1000 },
  )
  await testApp.runJobs()
}

import { type JobContext } from '../../../kernel/job'
import { type InputOf } from '../../../kernel/operation'
import { transact } from '../../../kernel/transact'
import { product } from '../../../skills'
import { finalizePicture } from '../../../skills/pictures/finalize-picture'
import { getPicture } from '../../../skills/pictures/get-picture'
import { initiatePicture } from '../../../skills/pictures/initiate-picture'
import { type PictureView } from '../../../skills/pictures/views'
import { type Person } from '../../people'
import { type TestWorld } from '../../world'
import { put, sha256Of } from '../music-upload/uploading'

export type PictureWish = Partial<InputOf<typeof initiatePicture>>

/** The input of `initiatePicture` for these bytes; an avatar by default. */
export const announcePicture = (bytes: Buffer, options: PictureWish = {}): InputOf<typeof initiatePicture> => ({
  purpose: options.trackId === undefined ? 'avatar' : 'artwork',
  fileName: 'me.png',
  contentType: 'image/png',
  sizeBytes: bytes.length,
  sha256: sha256Of(bytes),
  ...options,
})

/** Initiates a picture and uploads its bytes, without finalizing it. */
export async function sendPicture(person: Person, bytes: Buffer, options: PictureWish = {}) {
  const initiated = await person.call(initiatePicture, announcePicture(bytes, options))
  const status = await put(initiated.put, bytes)
  if (status !== 200) throw new Error(`the object store responded with ${status}`)
  return { ...initiated, pictureId: initiated.picture.id }
}

/** Uploads and finalizes a picture, without running jobs; returns its id. */
export async function handIn(person: Person, bytes: Buffer, options: PictureWish = {}): Promise<string> {
  const { pictureId } = await sendPicture(person, bytes, options)
  await person.call(finalizePicture, { pictureId })
  return pictureId
}

/** Uploads, finalizes and processes a picture. */
export async function addPicture(
  world: TestWorld,
  person: Person,
  bytes: Buffer,
  options: PictureWish = {},
): Promise<PictureView> {
  const pictureId = await handIn(person, bytes, options)
  await world.work()
  return person.call(getPicture, { pictureId })
}

/** The object keys that are stored for a picture. */
export async function storedOf(world: TestWorld, pictureId: string): Promise<string[]> {
  const keys = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'].map(
    file => `pictures/${pictureId}/${file}`,
  )
  const found = await Promise.all(
    [...keys, `incoming/${pictureId}`].map(async key => ((await world.world.storage.head(key)) ? [key] : [])),
  )
  return found.flat()
}

/** Runs work in a transaction like that of a job. */
export const transactIn = <T>({ world }: TestWorld, work: Parameters<typeof transact<T, null>>[1]): Promise<T> =>
  transact({ world, product, actor: null, requestId: 'test' }, work)

/** The context that a worker passes to a job. */
export const jobContext = (world: TestWorld): JobContext => ({
  world: world.world,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transactIn(world, work),
})

/** Runs the jobs that are due within `ms`. */
export async function workAfter(world: TestWorld, ms: number): Promise<void> {
  await world.world.db.query(
    `update graphile_worker._private_jobs set run_at = run_at - make_interval(secs => :seconds) where run_at > now()`,
    // The job queue uses real time, not the test clock.
    { seconds: (ms + world.clock.now() - Date.now()) / 1000 },
  )
  await world.work()
}

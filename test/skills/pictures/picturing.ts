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

/** What somebody says of a picture before they send it: an avatar, unless they wish otherwise. */
export const announcePicture = (bytes: Buffer, wish: PictureWish = {}): InputOf<typeof initiatePicture> => ({
  purpose: wish.trackId === undefined ? 'avatar' : 'artwork',
  fileName: 'me.png',
  contentType: 'image/png',
  sizeBytes: bytes.length,
  sha256: sha256Of(bytes),
  ...wish,
})

/** Announces and sends a picture; it is not finalized yet. */
export async function sendPicture(person: Person, bytes: Buffer, wish: PictureWish = {}) {
  const initiated = await person.call(initiatePicture, announcePicture(bytes, wish))
  const status = await put(initiated.put, bytes)
  if (status !== 200) throw new Error(`the store answered ${status}`)
  return { ...initiated, pictureId: initiated.picture.id }
}

/** Announced, sent and finalized: a worker may take it. */
export async function handIn(person: Person, bytes: Buffer, wish: PictureWish = {}): Promise<string> {
  const { pictureId } = await sendPicture(person, bytes, wish)
  await person.call(finalizePicture, { pictureId })
  return pictureId
}

/** The whole way, until it ended. */
export async function addPicture(
  world: TestWorld,
  person: Person,
  bytes: Buffer,
  wish: PictureWish = {},
): Promise<PictureView> {
  const pictureId = await handIn(person, bytes, wish)
  await world.work()
  return person.call(getPicture, { pictureId })
}

/** The keys of all that is stored of a picture. */
export async function storedOf(world: TestWorld, pictureId: string): Promise<string[]> {
  const keys = ['1000.webp', '500.webp', '250.webp', '1000.jpg', '500.jpg', '250.jpg'].map(
    file => `pictures/${pictureId}/${file}`,
  )
  const found = await Promise.all(
    [...keys, `incoming/${pictureId}`].map(async key => ((await world.world.storage.head(key)) ? [key] : [])),
  )
  return found.flat()
}

/** One transaction, as jobs have them. */
export const transactIn = <T>({ world }: TestWorld, work: Parameters<typeof transact<T, null>>[1]): Promise<T> =>
  transact({ world, product, actor: null, requestId: 'test' }, work)

/** What a worker passes to a job. */
export const jobContext = (world: TestWorld): JobContext => ({
  world: world.world,
  attempt: 1,
  isLastAttempt: false,
  signal: new AbortController().signal,
  transact: work => transactIn(world, work),
})

/** Does what is due now and what comes due within a time. */
export async function workAfter(world: TestWorld, ms: number): Promise<void> {
  await world.world.db.query(
    `update graphile_worker._private_jobs set run_at = run_at - make_interval(secs => :seconds) where run_at > now()`,
    // The queue knows the real time alone.
    { seconds: (ms + world.clock.now() - Date.now()) / 1000 },
  )
  await world.work()
}

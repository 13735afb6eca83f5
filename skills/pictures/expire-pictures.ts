import { Op } from 'sequelize'
import { type Context } from '../../kernel/context'
import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { isJobAlive } from '../../kernel/world/jobs'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { advance } from './picture-state'
import { forgetIncoming } from './places'
import { processPicture } from './process-picture'
import { giveUp, ourFault } from './processing'
import { viewPicture } from './views'

const batchMax = 100
/** A worker that died takes its job with it for hours: after so long another one begins anew… */
const stuckMs = 10 * 60_000
/** …and after so long nobody will. */
const hopelessMs = 60 * 60_000

/**
 * Ends pictures whose file was never said to be there, so that they take no place and leave nothing in the bucket; takes up
 * again those whose worker died.
 */
export const expirePictures = job({
  name: 'pictures.expirePictures',
  payload: nothing,
  attemptsMax: 3,
  cron: '*/10 * * * *',

  async run(_payload, { transact, signal }) {
    while (!signal.aborted && (await transact(expireSome)) === batchMax);
    if (!signal.aborted) await transact(unstickSome)
  },
})

async function expireSome(context: Context): Promise<number> {
  const late = await Picture.findAll({
    where: { state: 'initiated', expiresAt: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const picture of late) {
    await picture.update({ state: advance(picture.state, 'expired') })
    await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
    await forgetIncoming(picture, context)
  }
  return late.length
}

/** Those whose job is gone, or was begun long ago. One that waits in a long queue is not stuck. */
async function withoutJob({ world, now }: Context): Promise<string[]> {
  const rows = await world.db.query<{ id: string }>(
    `select id from pictures where state = 'uploaded' and uploaded_at <= :before
       and not ${isJobAlive(`'picture:' || pictures.id`, ':stuckMs')}
     order by uploaded_at limit ${batchMax}`,
    { before: new Date(now.getTime() - stuckMs), stuckMs },
  )
  return rows.map(({ id }) => id)
}

async function unstickSome(context: Context): Promise<void> {
  const { now, enqueue } = context
  const stuck = await Picture.findAll({
    where: { id: await withoutJob(context) },
    order: ['uploadedAt'],
    lock: true,
    skipLocked: true,
  })
  for (const { id, uploadedAt } of stuck) {
    const isHopeless = uploadedAt !== null && now.getTime() - uploadedAt.getTime() > hopelessMs
    if (isHopeless) await giveUp(id, 'failed', ourFault, context)
    else await enqueue(processPicture, { pictureId: id }, { key: `picture:${id}` })
  }
}

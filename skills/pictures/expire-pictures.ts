import { Op } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { jobAliveSql } from '../../kernel/events/job-queue'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { transition } from './picture-state'
import { enqueueRendering, renderingJobKeyPrefix } from './process-picture'
import { failProcessing, serverFailure } from './processing-states'
import { viewPicture } from './views'

const batchMax = 100
/** A dead worker keeps its job locked for hours: after this time the picture is enqueued again. */
const abandonedMs = 10 * 60_000
/** After this time the picture fails. */
const failAfterMs = 60 * 60_000

/**
 * Expires pictures whose file was not finalized in time, so that they free their quota and their objects, and resumes
 * those of dead workers.
 */
export const expirePictures = job({
  name: 'pictures.expirePictures',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '*/10 * * * *',

  async run(_payload, { transact, signal }) {
    while (!signal.aborted && (await transact(expireBatch)) === batchMax);
    if (!signal.aborted) await transact(resumeBatch)
  },
})

async function expireBatch(context: Context): Promise<number> {
  const overdue = await Picture.findAll({
    where: { state: 'initiated', expiresAt: { [Op.lte]: context.now } },
    limit: batchMax,
    lock: true,
    skipLocked: true,
  })
  for (const picture of overdue) {
    await picture.update({ state: transition(picture.state, 'expired') })
    await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
    await deleteIncoming(picture, context)
  }
  return overdue.length
}

/** Pictures without a job, or with one that started long ago. A job that waits in a long queue counts as alive. */
async function withoutJob({ app, now }: Context): Promise<string[]> {
  const rows = await app.db.query<{ id: string }>(
    `select id from pictures where state = 'uploaded' and uploaded_at <= :before
       and not ${jobAliveSql(`'${renderingJobKeyPrefix}' || pictures.id`, ':abandonedMs')}
     order by uploaded_at limit ${batchMax}`,
    { before: new Date(now.getTime() - abandonedMs), abandonedMs },
  )
  return rows.map(({ id }) => id)
}

async function resumeBatch(context: Context): Promise<void> {
  const { now } = context
  const abandoned = await Picture.findAll({
    where: { id: await withoutJob(context) },
    order: ['uploadedAt'],
    lock: true,
    skipLocked: true,
  })
  for (const { id, uploadedAt } of abandoned) {
    const shouldFail = uploadedAt !== null && now.getTime() - uploadedAt.getTime() > failAfterMs
    if (shouldFail) await failProcessing(id, 'failed', serverFailure, context)
    else await enqueueRendering(id, context)
  }
}

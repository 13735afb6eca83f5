import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, list, shape, type Value, whole } from '../../kernel/schema'
import { type Upload } from '../../models'
import { sha256Hex } from './announce-upload'
import { dropParts } from './drop-parts'
import { type OpenedParts, openParts } from './open-parts'
import { ownUpload, refuseUnwanted } from './own-upload'
import { type PartPlan, partPlan } from './part-plan'
import { incomingKey } from './places'
import { hexToBase64, putExpiry, secondsUntil } from './presign'
import { notInParts, uploadAborted, uploadExpired, uploadOver } from './refusals'
import { partsMax, partsPerCallMax } from './rules'
import { partPutView } from './views'

/** Each signature costs 0.6 ms of CPU, so parts are counted, not calls: 8 MiB each, these are 670 Mbit/s. */
const partsPerMinute = 600

const wish = shape({ number: whole(1, partsMax), sha256: sha256Hex })

export const signParts = operation({
  name: 'music-upload.signParts',
  route: 'POST /uploads/:uploadId/parts',
  summary: 'URLs for parts of an upload, good for 30 minutes: ask again for those that take longer.',
  who: 'signed-in',
  input: shape({ uploadId: id, parts: list(wish, partsPerCallMax, 1) }),
  output: list(partPutView, partsPerCallMax),
  limit: { perMinute: partsPerMinute },
  idempotency: 'natural',
  refuses: [notInParts, uploadAborted, uploadExpired, uploadOver],

  async ask({ uploadId, parts }, context) {
    const upload = await ownUpload(uploadId, context)
    refuseBeyond(planFor(upload, context), parts)
    await countParts(parts.length, context)
    return openParts(upload, context)
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ input: { parts }, subject: upload, asked: opened }, context) {
    const plan = planFor(upload, context)
    const multipartId = await agreeOn(opened, upload, context)
    return Promise.all(parts.map(part => sign(upload, multipartId, plan, part, context)))
  },
})

function planFor(upload: Upload, { now }: Pick<Context, 'now'>): PartPlan {
  refuseUnwanted(upload, now)
  const plan = partPlan(upload)
  if (plan === undefined) throw notInParts()
  if (upload.state !== 'initiated') throw uploadOver()
  return plan
}

/** The call itself has been counted as one. */
async function countParts(parts: number, { world, actor }: Context<Actor>): Promise<void> {
  const waitMs = await world.limits.take('music-upload.signParts', actor.id, partsPerMinute, parts - 1)
  if (waitMs > 0) throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}

function refuseBeyond({ count }: PartPlan, parts: readonly Value<typeof wish>[]): void {
  const message = `this file has ${count} parts`
  const errors = parts.flatMap(({ number }, index) =>
    number > count ? [{ path: `parts.${index}.number`, code: 'too_large', message }] : [],
  )
  if (errors.length > 0) throw refusals.invalidInput(undefined, { errors })
}

/**
 * Of those that opened the upload in the store at once, the first: its name is the one that all sign for, and the others' are
 * dropped. What is opened by a call whose transaction then fails, the sweep of the bucket finds.
 */
async function agreeOn(
  { before, multipartId }: OpenedParts,
  upload: Upload,
  { now, enqueue }: Pick<Context, 'now' | 'enqueue'>,
): Promise<string> {
  const agreed = upload.multipartId === before ? multipartId : (upload.multipartId ?? multipartId)
  if (agreed !== multipartId && multipartId !== before)
    await enqueue(dropParts, { key: incomingKey(upload.id), multipartId })
  await upload.update({ multipartId: agreed, putExpiresAt: putExpiry(now, upload.expiresAt) })
  return agreed
}

async function sign(
  { id, putExpiresAt }: Upload,
  multipartId: string,
  plan: PartPlan,
  { number, sha256 }: Value<typeof wish>,
  { world, now }: Context,
): Promise<Value<typeof partPutView>> {
  const sizeBytes = plan.bytesOf(number)
  const part = { number, sizeBytes, sha256: hexToBase64(sha256) }
  const place = await world.storage.presignPart(incomingKey(id), multipartId, part, secondsUntil(putExpiresAt, now))
  return { number, sizeBytes, ...place, expiresAt: putExpiresAt.toISOString() }
}

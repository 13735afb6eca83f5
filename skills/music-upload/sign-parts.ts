import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, list, shape, type Value, whole } from '../../kernel/schema'
import { type Upload } from '../../models'
import { sha256Hex } from './announce-upload'
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

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ input: { parts }, subject: upload }, context) {
    refuseUnwanted(upload, context.now)
    const plan = partPlan(upload)
    if (plan === undefined) throw notInParts()
    if (upload.state !== 'initiated') throw uploadOver()
    refuseBeyond(plan, parts)
    await countParts(parts.length, context)
    const multipartId = await openUpload(upload, context)
    return Promise.all(parts.map(part => sign(upload, multipartId, plan, part, context)))
  },
})

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
 * The store's name for the upload, which is opened there with the first part: a file that is announced and never sent leaves
 * nothing. Under the upload's lock; what is opened by a transaction that fails after it, the sweep of the bucket finds.
 */
async function openUpload(upload: Upload, { world, now }: Context): Promise<string> {
  const { id, contentType, expiresAt } = upload
  const multipartId = upload.multipartId ?? (await world.storage.openParts(incomingKey(id), contentType))
  await upload.update({ multipartId, putExpiresAt: putExpiry(now, expiresAt) })
  return multipartId
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

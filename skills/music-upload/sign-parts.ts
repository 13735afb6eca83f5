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

/** Limits parts, not calls, since each signature costs 0.6 ms of CPU. At 8 MiB per part this allows 670 Mbit/s. */
const partsPerMinute = 600

const partRequest = shape({ number: whole(1, partsMax), sha256: sha256Hex })

export const signParts = operation({
  name: 'music-upload.signParts',
  route: 'POST /uploads/:uploadId/parts',
  summary: 'Sign part URLs of an upload',
  description: 'The URLs are valid for 30 minutes; sign again the parts that take longer.',
  who: 'signed-in',
  input: shape({ uploadId: id, parts: list(partRequest, partsPerCallMax, 1) }),
  output: list(partPutView, partsPerCallMax),
  limit: { perMinute: partsPerMinute },
  idempotency: 'natural',
  refuses: [notInParts, uploadAborted, uploadExpired, uploadOver],

  async ask({ uploadId, parts }, context) {
    const upload = await ownUpload(uploadId, context)
    refuseUnknownParts(openPlan(upload, context), parts)
    await countParts(parts.length, context)
    return openParts(upload, context)
  },

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ input: { parts }, subject: upload, asked: opened }, context) {
    const plan = openPlan(upload, context)
    const multipartId = await chooseMultipart(opened, upload, context)
    return Promise.all(parts.map(part => sign(upload, multipartId, plan, part, context)))
  },
})

function openPlan(upload: Upload, { now }: Pick<Context, 'now'>): PartPlan {
  refuseUnwanted(upload, now)
  const plan = partPlan(upload)
  if (plan === undefined) throw notInParts()
  if (upload.state !== 'initiated') throw uploadOver()
  return plan
}

/** The pipeline has already counted the call as one. */
async function countParts(parts: number, { world, actor }: Context<Actor>): Promise<void> {
  const waitMs = await world.limits.take('music-upload.signParts', actor.id, partsPerMinute, parts - 1)
  if (waitMs > 0) throw refusals.tooMany(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
}

function refuseUnknownParts({ count }: PartPlan, parts: readonly Value<typeof partRequest>[]): void {
  const message = `the file has ${count} parts`
  const errors = parts.flatMap(({ number }, index) =>
    number > count ? [{ path: `parts.${index}.number`, code: 'too_large', message }] : [],
  )
  if (errors.length > 0) throw refusals.invalidInput(undefined, { errors })
}

/**
 * When concurrent calls opened several multipart uploads, the first one stored wins, and the others are aborted. If
 * the transaction fails after that, the bucket sweep aborts what was opened.
 */
async function chooseMultipart(
  { before, multipartId }: OpenedParts,
  upload: Upload,
  { now, enqueue }: Pick<Context, 'now' | 'enqueue'>,
): Promise<string> {
  const chosen = upload.multipartId === before ? multipartId : (upload.multipartId ?? multipartId)
  if (chosen !== multipartId && multipartId !== before)
    await enqueue(dropParts, { key: incomingKey(upload.id), multipartId })
  await upload.update({ multipartId: chosen, putExpiresAt: putExpiry(now, upload.expiresAt) })
  return chosen
}

async function sign(
  { id, putExpiresAt }: Upload,
  multipartId: string,
  plan: PartPlan,
  { number, sha256 }: Value<typeof partRequest>,
  { world, now }: Context,
): Promise<Value<typeof partPutView>> {
  const sizeBytes = plan.bytesOf(number)
  const part = { number, sizeBytes, sha256: hexToBase64(sha256) }
  const signed = await world.storage.presignPart(incomingKey(id), multipartId, part, secondsUntil(putExpiresAt, now))
  return { number, sizeBytes, ...signed, expiresAt: putExpiresAt.toISOString() }
}

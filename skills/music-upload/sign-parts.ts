import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, list, shape, type Value, integer } from '../../kernel/pipeline/schema'
import { abortMultipart } from '../../kernel/platform/delete-objects'
import { hexToBase64, incomingKey, secondsUntil, sha256Hex, urlExpiry } from '../../kernel/platform/incoming-files'
import { Upload } from '../../models'
import { type OpenedMultipart, ensureMultipart } from './ensure-multipart'
import { type PartPlan, partPlan } from './part-plan'
import { refuseClosedUpload, uploadUsesSinglePut, uploadAborted, uploadExpired, uploadClosed } from './refusals'
import { partsMax, partsPerCallMax, putLifeMs } from './rules'
import { partPutRequestView } from './views'

/** Limits parts, not calls, since each signature costs 0.6 ms of CPU. At 8 MiB per part this allows 670 Mbit/s. */
const partsPerMinute = 600

const partRequest = shape({ number: integer(1, partsMax), sha256: sha256Hex })

export const signParts = operation({
  name: 'music-upload.signParts',
  route: 'POST /uploads/:uploadId/parts',
  summary: 'Sign part URLs of an upload',
  description: 'The URLs are valid for 30 minutes; sign again the parts that take longer.',
  auth: 'signed-in',
  input: shape({ uploadId: id, parts: list(partRequest, partsPerCallMax, 1) }),
  output: list(partPutRequestView, partsPerCallMax),
  limit: { perMinute: partsPerMinute },
  idempotency: 'natural',
  refuses: [uploadUsesSinglePut, uploadAborted, uploadExpired, uploadClosed],

  async beforeTransaction({ uploadId, parts }, context) {
    const upload = await loadOwnRow(Upload, uploadId, context)
    refuseUnknownParts(openPlan(upload, context), parts)
    await countParts(parts.length, context)
    return ensureMultipart(upload, context)
  },

  load: ({ uploadId }, context) => loadOwnRow(Upload, uploadId, context, { lock: true }),

  allow: () => true,

  async run({ input: { parts }, subject: upload, prepared: opened }, context) {
    const plan = openPlan(upload, context)
    const multipartId = await chooseMultipart(opened, upload, context)
    return Promise.all(parts.map(part => sign(upload, multipartId, plan, part, context)))
  },
})

function openPlan(upload: Upload, { now }: Pick<Context, 'now'>): PartPlan {
  refuseClosedUpload(upload, now)
  const plan = partPlan(upload)
  if (plan === undefined) throw uploadUsesSinglePut()
  if (upload.state !== 'initiated') throw uploadClosed()
  return plan
}

/** The pipeline has already counted the call as one. */
async function countParts(parts: number, { app, actor }: Context<Actor>): Promise<void> {
  const waitMs = await app.rateLimiter.consume('music-upload.signParts', actor.id, partsPerMinute, parts - 1)
  if (waitMs > 0) throw refusals.tooManyRequests(undefined, { retryAfter: Math.ceil(waitMs / 1000) })
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
  { previousId, multipartId }: OpenedMultipart,
  upload: Upload,
  { now, enqueue }: Pick<Context, 'now' | 'enqueue'>,
): Promise<string> {
  const chosen = upload.multipartId === previousId ? multipartId : (upload.multipartId ?? multipartId)
  if (chosen !== multipartId && multipartId !== previousId)
    await enqueue(abortMultipart, { key: incomingKey(upload.id), multipartId })
  await upload.update({ multipartId: chosen, putUrlExpiresAt: urlExpiry(now, putLifeMs, upload.expiresAt) })
  return chosen
}

async function sign(
  { id, putUrlExpiresAt }: Upload,
  multipartId: string,
  plan: PartPlan,
  { number, sha256 }: Value<typeof partRequest>,
  { app, now }: Context,
): Promise<Value<typeof partPutRequestView>> {
  const sizeBytes = plan.bytesOfPart(number)
  const part = { number, sizeBytes, sha256: hexToBase64(sha256) }
  const signed = await app.storage.presignPart(incomingKey(id), multipartId, part, secondsUntil(putUrlExpiresAt, now))
  return { number, sizeBytes, ...signed, expiresAt: putUrlExpiresAt.toISOString() }
}

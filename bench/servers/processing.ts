import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { transact } from '../../kernel/pipeline/transact'
import { type AppContext } from '../../kernel/platform/app-context'
import { Track, TrackAudio, Upload } from '../../models'
import { registry } from '../../skills'
import { processUpload } from '../../skills/music-processing/process-upload'
import { incomingKey } from '../../kernel/platform/incoming-files'

/** Creates an upload as if the file had been sent and finalized. */
export async function prepareUpload(
  app: AppContext,
  { path, ownerId }: { path: string; ownerId: string },
): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  const { size } = await stat(path)
  const [id, trackId, now] = [randomUUID(), randomUUID(), new Date(app.clock.now())]
  const { signal } = new AbortController()
  await app.storage.putFile(incomingKey(id), path, 'audio/flac', { signal })
  const etag = (await app.storage.head(incomingKey(id)))?.etag ?? ''
  await Track.create({ id: trackId, ownerId, title: 'x', visibility: 'public', state: 'processing', createdAt: now })
  await Upload.create({
    ...{ id, ownerId, trackId, etag, state: 'uploaded', visibility: 'public', title: 'x' },
    ...{ fileName: 'x.flac', contentType: 'audio/flac', sizeBytes: size, sha256: hash.digest('hex') },
    ...{ createdAt: now, expiresAt: now, putUrlExpiresAt: now },
  })
  return id
}

/** Runs the processing job of an upload; returns its final state. */
export async function runProcessing(app: AppContext, { uploadId }: { uploadId: string }): Promise<string> {
  const { signal } = new AbortController()
  await processUpload.run(
    { uploadId },
    {
      ...{ app, signal, attempt: 1, isLastAttempt: true },
      transact: work => transact({ app, registry, actor: null, requestId: randomUUID() }, work),
    },
  )
  return (await Upload.findByPk(uploadId))?.state ?? 'gone'
}

/** Runs the processing job. @throws unless the track is ready with all renditions */
export async function processToReady(app: AppContext, { uploadId }: { uploadId: string }): Promise<null> {
  const state = await runProcessing(app, { uploadId })
  const audio = await TrackAudio.findOne({ where: { uploadId } })
  if (state !== 'ready' || audio?.renditions.length !== 3) throw new Error('the track was not processed')
  return null
}

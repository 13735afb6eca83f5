import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { transact } from '../../kernel/transact'
import { type World } from '../../kernel/world'
import { Track, TrackAudio, Upload } from '../../models'
import { product } from '../../skills'
import { processTrack } from '../../skills/music-upload/process-track'
import { incomingKey } from '../../skills/music-upload/places'

/** Creates an upload as if the file had been sent and finalized. */
export async function prepareUpload(
  world: World,
  { path, ownerId }: { path: string; ownerId: string },
): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  const { size } = await stat(path)
  const [id, trackId, now] = [randomUUID(), randomUUID(), new Date(world.clock.now())]
  const { signal } = new AbortController()
  await world.storage.putFile(incomingKey(id), path, 'audio/flac', { signal })
  const etag = (await world.storage.head(incomingKey(id)))?.etag ?? ''
  await Track.create({ id: trackId, ownerId, title: 'x', visibility: 'public', state: 'processing', createdAt: now })
  await Upload.create({
    ...{ id, ownerId, trackId, etag, state: 'uploaded', visibility: 'public', title: 'x' },
    ...{ fileName: 'x.flac', contentType: 'audio/flac', sizeBytes: size, sha256: hash.digest('hex') },
    ...{ createdAt: now, expiresAt: now, putExpiresAt: now },
  })
  return id
}

/** Runs the processing job of an upload; returns its final state. */
export async function judgeUpload(world: World, { uploadId }: { uploadId: string }): Promise<string> {
  const { signal } = new AbortController()
  await processTrack.run(
    { uploadId },
    {
      ...{ world, signal, attempt: 1, isLastAttempt: true },
      transact: work => transact({ world, product, actor: null, requestId: randomUUID() }, work),
    },
  )
  return (await Upload.findByPk(uploadId))?.state ?? 'gone'
}

/** Runs the processing job. @throws unless the track is ready with all renditions */
export async function processUpload(world: World, { uploadId }: { uploadId: string }): Promise<null> {
  const state = await judgeUpload(world, { uploadId })
  const audio = await TrackAudio.findOne({ where: { uploadId } })
  if (state !== 'ready' || audio?.renditions.length !== 3) throw new Error('the track was not processed')
  return null
}

import { randomUUID } from 'node:crypto'
import { newId } from '../../../kernel/ids'
import { transact } from '../../../kernel/transact'
import { Upload } from '../../../models'
import { product } from '../../../skills'
import { audioKey } from '../../../skills/music-upload/places'
import { begin, finish } from '../../../skills/music-upload/processing'
import { type TestWorld } from '../../world'
import { understoodAs } from './understood-as'

/** Replaces the audio of a track as a worker does, without any file in the bucket; returns the id of the upload. */
export async function bringAudio(
  { world }: TestWorld,
  { trackId, ownerId, durationMs }: { trackId: string; ownerId: string; durationMs: number },
): Promise<string> {
  const now = new Date(world.clock.now())
  const id = newId(now)
  await Upload.create({
    ...{ id, trackId, ownerId, replacesAudio: true, state: 'uploaded', visibility: 'public', fileName: 'a.mp3' },
    ...{ contentType: 'audio/mpeg', sizeBytes: 1, sha256: 'ab'.repeat(32), etag: 'etag' },
    ...{ createdAt: now, expiresAt: now, putExpiresAt: now },
  })
  const inTransaction = <T>(work: Parameters<typeof transact<T, null>>[1]) =>
    transact({ world, product, actor: null, requestId: randomUUID() }, work)
  await inTransaction(context => begin(id, randomUUID(), context))
  const analysis = understoodAs(audioKey(trackId, id, 'mp3'), durationMs)
  await inTransaction(context => finish(id, analysis, context))
  return id
}

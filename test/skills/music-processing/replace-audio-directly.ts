import { randomUUID } from 'node:crypto'
import { newId } from '../../../kernel/pipeline/new-id'
import { transact } from '../../../kernel/pipeline/transact'
import { Upload } from '../../../models'
import { registry } from '../../../skills'
import { audioKey } from '../../../skills/music-processing/rules'
import { startProcessing, finishProcessing } from '../../../skills/music-processing/processing-states'
import { type TestApp } from '../../test-app'
import { fakeAnalysis } from './fake-analysis'

/** Replaces the audio of a track as a worker does, without any file in the bucket; returns the id of the upload. */
export async function replaceAudioDirectly(
  { app }: TestApp,
  { trackId, ownerId, durationMs }: { trackId: string; ownerId: string; durationMs: number },
): Promise<string> {
  const now = new Date(app.clock.now())
  const id = newId(now)
  await Upload.create({
    ...{ id, trackId, ownerId, replacesAudio: true, state: 'uploaded', visibility: 'public', fileName: 'a.mp3' },
    ...{ contentType: 'audio/mpeg', sizeBytes: 1, sha256: 'ab'.repeat(32), etag: 'etag' },
    ...{ createdAt: now, expiresAt: now, putUrlExpiresAt: now },
  })
  const inTransaction = <T>(work: Parameters<typeof transact<T, null>>[1]) =>
    transact({ app, registry, actor: null, requestId: randomUUID() }, work)
  await inTransaction(context => startProcessing(id, randomUUID(), context))
  const analysis = fakeAnalysis(audioKey(trackId, id, 'mp3'), durationMs)
  await inTransaction(context => finishProcessing(id, analysis, context))
  return id
}

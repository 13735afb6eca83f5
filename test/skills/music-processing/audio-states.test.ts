import { createHash, randomUUID } from 'node:crypto'
import { newId } from '../../../kernel/pipeline/new-id'
import { transact } from '../../../kernel/pipeline/transact'
import { Track, Upload } from '../../../models'
import { registry } from '../../../skills'
import { abortUpload } from '../../../skills/music-upload/abort-upload'
import { serverFailure } from '../../../skills/music-processing/failures'
import { finalizeUpload } from '../../../skills/music-upload/finalize-upload'
import { audioKey } from '../../../skills/music-processing/rules'
import { incomingKey } from '../../../kernel/platform/incoming-files'
import { startProcessing, finishProcessing, failProcessing } from '../../../skills/music-processing/processing-states'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { replaceAudio } from '../../../skills/music-upload/replace-audio'
import { retryUpload } from '../../../skills/music-upload/retry-upload'
import { type UploadState } from '../../../models/upload'
import { makeTrack } from '../../factories'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { fakeAnalysis } from './fake-analysis'
import { uploadInput } from '../music-upload/upload-file'

/**
 * A track, its first upload and a second upload that replaces its audio, in every combination of states: the states after each
 * operation. `none`: there is no such upload; `gone`: the track was deleted.
 */
let testApp: TestApp
let ann: Person
const bytes = Buffer.from('some bytes')
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
})
afterAll(() => testApp[Symbol.asyncDispose]())

type Second = UploadState | 'none'

interface Scene {
  trackId: string
  first: string
  second: string
}

async function makeUpload(trackId: string, state: UploadState, replacesAudio: boolean): Promise<string> {
  const now = new Date(testApp.clock.now())
  const id = newId(now)
  await Upload.create({
    ...{ id, trackId, replacesAudio, state, ownerId: ann.id, visibility: 'public', fileName: 'a.mp3' },
    ...{ contentType: 'audio/mpeg', sizeBytes: bytes.length, createdAt: now, putUrlExpiresAt: now },
    sha256: createHash('sha256').update(bytes).digest('hex'),
    expiresAt: new Date(now.getTime() + 60_000),
    ...(state === 'failed' ? { retryUntil: new Date(now.getTime() + 60_000) } : {}),
    ...(state === 'failed' || state === 'rejected' ? { error: serverFailure } : {}),
    etag: state === 'initiated' ? null : 'etag',
  })
  await testApp.app.storage.put(incomingKey(id), bytes, 'audio/mpeg')
  return id
}

async function createScene(first: UploadState, second: Second): Promise<Scene> {
  const states = [first, second]
  const state = states.includes('ready') ? 'ready' : states.includes('uploaded') ? 'processing' : 'failed'
  const { id: trackId } = await makeTrack(ann.id, {
    ...{ state, publishedAt: null },
    ...(state === 'ready' ? {} : { audioKey: null, durationMs: null, contentType: null }),
  })
  const firstId = await makeUpload(trackId, first, false)
  const secondId = second === 'none' ? randomUUID() : await makeUpload(trackId, second, true)
  if (state === 'ready') {
    const audioVersion = second === 'ready' ? secondId : firstId
    await Track.update({ audioVersion, audioKey: audioKey(trackId, audioVersion, 'mp3') }, { where: { id: trackId } })
  }
  return { trackId, first: firstId, second: secondId }
}

async function statesOf({ trackId, first, second }: Scene): Promise<string> {
  const [track, ...uploads] = [
    await Track.findByPk(trackId),
    await Upload.findByPk(first),
    await Upload.findByPk(second),
  ]
  const states = [track?.deletedAt === null ? track.state : 'gone', ...uploads.map(upload => upload?.state ?? 'none')]
  return states.join(' ')
}

const endProcessing = (uploadId: string, end: 'rejected' | 'failed') => async () => {
  await transactAsJob(within => startProcessing(uploadId, randomUUID(), within))
  await transactAsJob(within => failProcessing(uploadId, end, serverFailure, within))
}
const finish = (trackId: string, uploadId: string) => async () => {
  await transactAsJob(within => startProcessing(uploadId, randomUUID(), within))
  await transactAsJob(within => finishProcessing(uploadId, fakeAnalysis(audioKey(trackId, uploadId, 'mp3')), within))
}
const transactAsJob = <T>(work: Parameters<typeof transact<T, null>>[1]) =>
  transact({ app: testApp.app, registry, actor: null, requestId: randomUUID() }, work)

const operations = {
  announce: ({ trackId }: Scene) => ann.request(replaceAudio, { trackId, ...uploadInput(bytes) }),
  finalize: ({ second }: Scene) => ann.request(finalizeUpload, { uploadId: second }),
  'retry first': ({ first }: Scene) => ann.request(retryUpload, { uploadId: first }),
  'retry second': ({ second }: Scene) => ann.request(retryUpload, { uploadId: second }),
  'abort first': ({ first }: Scene) => ann.request(abortUpload, { uploadId: first }),
  'abort second': ({ second }: Scene) => ann.request(abortUpload, { uploadId: second }),
  remove: ({ trackId }: Scene) => ann.request(deleteTrack, { trackId }),
}
type OperationName = keyof typeof operations

const unchanged = 'as before'

/** Missing entries are `not_found`; `announce` is always allowed. */
const table: [UploadState, Second, Partial<Record<OperationName, string>>][] = [
  [
    ...(['uploaded', 'none'] as const),
    { 'retry first': unchanged, 'abort first': 'gone aborted none', remove: 'gone aborted none' },
  ],
  [
    ...(['uploaded', 'initiated'] as const),
    {
      ...{ finalize: 'replacement_pending', 'retry first': unchanged, 'retry second': 'file_missing' },
      ...{ 'abort first': 'failed aborted initiated', 'abort second': 'processing uploaded aborted' },
      remove: 'gone aborted aborted',
    },
  ],
  [
    ...(['rejected', 'none'] as const),
    { 'retry first': 'upload_rejected', 'abort first': 'upload_closed', remove: 'gone rejected none' },
  ],
  [
    ...(['rejected', 'initiated'] as const),
    {
      ...{ finalize: 'processing rejected uploaded', 'retry first': 'upload_rejected' },
      ...{ 'retry second': 'file_missing', 'abort first': 'upload_closed' },
      ...{ 'abort second': 'failed rejected aborted', remove: 'gone rejected aborted' },
    },
  ],
  [
    ...(['rejected', 'uploaded'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_rejected', 'retry second': unchanged },
      ...{ 'abort first': 'upload_closed', 'abort second': 'failed rejected aborted', remove: 'gone rejected aborted' },
    },
  ],
  [
    ...(['rejected', 'rejected'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_rejected', 'retry second': 'upload_rejected' },
      ...{ 'abort first': 'upload_closed', 'abort second': 'upload_closed', remove: 'gone rejected rejected' },
    },
  ],
  [
    ...(['rejected', 'failed'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_rejected', 'retry second': 'processing rejected uploaded' },
      ...{ 'abort first': 'upload_closed', 'abort second': 'failed rejected aborted', remove: 'gone rejected aborted' },
    },
  ],
  [
    ...(['rejected', 'ready'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_rejected', 'retry second': 'upload_closed' },
      ...{ 'abort first': 'upload_closed', 'abort second': 'upload_closed', remove: 'gone rejected ready' },
    },
  ],
  [
    ...(['failed', 'none'] as const),
    {
      ...{ 'retry first': 'processing uploaded none', 'abort first': 'gone aborted none' },
      remove: 'gone aborted none',
    },
  ],
  [
    ...(['failed', 'initiated'] as const),
    {
      ...{ finalize: 'processing failed uploaded', 'retry first': 'processing uploaded initiated' },
      ...{ 'retry second': 'file_missing', 'abort first': 'failed aborted initiated' },
      ...{ 'abort second': 'failed failed aborted', remove: 'gone aborted aborted' },
    },
  ],
  [
    ...(['failed', 'uploaded'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'replacement_pending', 'retry second': unchanged },
      ...{ 'abort first': 'processing aborted uploaded', 'abort second': 'failed failed aborted' },
      remove: 'gone aborted aborted',
    },
  ],
  [
    ...(['failed', 'failed'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'processing uploaded failed' },
      ...{ 'retry second': 'processing failed uploaded', 'abort first': 'failed aborted failed' },
      ...{ 'abort second': 'failed failed aborted', remove: 'gone aborted aborted' },
    },
  ],
  [
    ...(['failed', 'ready'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'ready uploaded ready', 'retry second': 'upload_closed' },
      ...{ 'abort first': 'ready aborted ready', 'abort second': 'upload_closed', remove: 'gone aborted ready' },
    },
  ],
  [
    ...(['ready', 'none'] as const),
    { 'retry first': 'upload_closed', 'abort first': 'upload_closed', remove: 'gone ready none' },
  ],
  [
    ...(['ready', 'initiated'] as const),
    {
      ...{ finalize: 'ready ready uploaded', 'retry first': 'upload_closed', 'retry second': 'file_missing' },
      ...{ 'abort first': 'upload_closed', 'abort second': 'ready ready aborted', remove: 'gone ready aborted' },
    },
  ],
  [
    ...(['ready', 'uploaded'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_closed', 'retry second': unchanged },
      ...{ 'abort first': 'upload_closed', 'abort second': 'ready ready aborted', remove: 'gone ready aborted' },
    },
  ],
  [
    ...(['ready', 'failed'] as const),
    {
      ...{ finalize: unchanged, 'retry first': 'upload_closed', 'retry second': 'ready ready uploaded' },
      ...{ 'abort first': 'upload_closed', 'abort second': 'ready ready aborted', remove: 'gone ready aborted' },
    },
  ],
  [
    ...(['ready', 'aborted'] as const),
    {
      ...{ finalize: 'upload_aborted', 'retry first': 'upload_closed', 'retry second': 'upload_aborted' },
      ...{ 'abort first': 'upload_closed', 'abort second': unchanged, remove: 'gone ready aborted' },
    },
  ],
]

describe.each(table)('with a first upload that is %s and a second that is %s', (first, second, row) => {
  beforeAll(async () => {
    ann = await testApp.signIn(`ann-${first}-${second}`)
  })
  it.each(Object.keys(operations) as OperationName[])('%s', async operation => {
    const scene = await createScene(first, second)
    const before = await statesOf(scene)
    const { error } = await operations[operation](scene)
    const expected = row[operation] ?? (operation === 'announce' ? unchanged : 'not_found')
    const after = await statesOf(scene)
    expect(error?.code ?? (after === before ? unchanged : after)).toBe(expected)
    if (error !== undefined) expect(after).toBe(before)
    await Upload.update({ state: 'expired' }, { where: { ownerId: ann.id, state: 'initiated' } })
  })
})

/** The states of the three after the processing of one upload ends. */
const endings: [UploadState, Second, 'first' | 'second', { ready: string; rejected: string; failed: string }][] = [
  [
    ...(['uploaded', 'none', 'first'] as const),
    { ready: 'ready ready none', rejected: 'failed rejected none', failed: 'failed failed none' },
  ],
  [
    ...(['uploaded', 'failed', 'first'] as const),
    { ready: 'ready ready failed', rejected: 'failed rejected failed', failed: 'failed failed failed' },
  ],
  [
    ...(['uploaded', 'ready', 'first'] as const),
    { ready: 'ready ready ready', rejected: 'ready rejected ready', failed: 'ready failed ready' },
  ],
  [
    ...(['rejected', 'uploaded', 'second'] as const),
    { ready: 'ready rejected ready', rejected: 'failed rejected rejected', failed: 'failed rejected failed' },
  ],
  [
    ...(['failed', 'uploaded', 'second'] as const),
    { ready: 'ready failed ready', rejected: 'failed failed rejected', failed: 'failed failed failed' },
  ],
  [
    ...(['ready', 'uploaded', 'second'] as const),
    { ready: 'ready ready ready', rejected: 'ready ready rejected', failed: 'ready ready failed' },
  ],
]

it.each(endings)(
  'with a first that is %s and a second that is %s, the processing of the %s ends',
  async (first, second, of, row) => {
    ann = await testApp.signIn(`ann-ends-${first}-${second}`)
    for (const end of ['ready', 'rejected', 'failed'] as const) {
      const scene = await createScene(first, second)
      await (end === 'ready' ? finish(scene.trackId, scene[of]) : endProcessing(scene[of], end))()
      expect(await statesOf(scene)).toBe(row[end])
      const isPublished = (await Track.findByPk(scene.trackId))?.publishedAt !== null
      expect(isPublished).toBe(end === 'ready')
    }
  },
)

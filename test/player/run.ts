import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { startStack } from '../../dev/stack'
import { createAppContext, type AppContextOverrides } from '../../kernel/platform/app-context'
import { readConfig } from '../../kernel/platform/config'
import { migrateUp } from '../../migrations/migrate'
import { startWeb } from '../../server/main'
import { registry } from '../../skills'
import { Upload } from '../../models'
import { finalizeUpload } from '../../skills/music-upload/finalize-upload'
import { startJobWorker } from '../../server/job-worker'
import { waitUntil } from '../kernel/wait-until'
import { Person } from '../person'
import { sendFile } from '../skills/music-upload/upload-file'
import { findChromium, openBrowser } from './chromium'
import { servePage } from './page'

const seconds = 20
const noDistribution = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }

/**
 * `npm run player`: a browser with our client and hls.js plays a track over signed URLs, over signed cookies, and over presigned
 * URLs of the bucket. It also uploads files: whole, in parts, as new audio of a track, and one that it cancels.
 */
async function main(): Promise<number> {
  const chromium = await findChromium()
  if (chromium === undefined) {
    log('Chromium was not found. On Debian or Ubuntu: apt-get install chromium. Else set CHROMIUM_PATH.')
    return 1
  }
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  try {
    const played = await playAll(chromium, keep)
    return played.every(isGood => isGood) ? 0 : 1
  } finally {
    for (const part of parts) await part[Symbol.asyncDispose]()
  }
}

async function playAll(chromium: string, keep: <T extends AsyncDisposable>(part: T) => T): Promise<boolean[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-player-'))
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) })
  const page = keep(await servePage())
  const pages = { ALLOWED_ORIGINS: page.origin }
  const stack = keep(await startStack({ folder: join(folder, 'stack'), durable: false, variables: pages }))
  const { issuer, variables } = stack
  if (issuer === undefined) throw new Error('the stack brings its own issuer')
  await migrateUp(variables.DATABASE_URL ?? '')
  const node = async (more: Record<string, string>, parts: AppContextOverrides = {}) => {
    const config = readConfig({ ...variables, ...pages, LOG_LEVEL: 'silent', ...more })
    const app = keep(await createAppContext(config, parts))
    await app.redis.ready(5_000)
    const { port } = keep(await startWeb(app, registry, 0))
    return { app, url: `http://127.0.0.1:${port}` }
  }
  const edged = await node({})
  // The models are bound to one database connection per process.
  const bare = await node({ ...noDistribution, REDIS_PREFIX: 'bare' }, { database: edged.app.db })

  const ann = await Person.signIn('ann', await issuer.issueToken('ann'), edged.url)
  keep(await startJobWorker(edged.app, registry))
  const file = join(folder, 'sound.flac')
  const source = ['-f', 'lavfi', '-i', `aevalsrc=0.5*sin(440*2*PI*t)|0.5*sin(550*2*PI*t):d=${seconds}:s=44100`]
  await promisify(execFile)(edged.app.config.tools.ffmpeg, [...source, file])
  const trackId = await uploadTrack(ann, file)
  const browser = keep(await openBrowser(chromium, join(folder, 'profile')))
  const played: boolean[] = []
  for (const [name, api, delivery] of [
    ['signed URLs of the edge', edged.url, 'url'],
    ['cookies for the edge', edged.url, 'cookies'],
    ['presigned URLs of the bucket', bare.url, 'url'],
  ] as const) {
    const result = await browser.play(page.addressFor({ api, trackId, delivery, token: ann.token }), seconds)
    const isWhole = Math.abs(result.bufferedS - seconds) < 0.2 && Math.abs(result.durationS - seconds) < 0.2
    const isGood = result.error === undefined && result.advancedS > 1 && isWhole && result.hasEnded
    log(`${isGood ? 'plays ' : 'FAILED'}  ${name}: ${JSON.stringify(result)}`)
    played.push(isGood)
  }
  const sent = await browser.answerOf(page.addressFor({ api: edged.url, trackId, token: ann.token }), 'sendAll')
  const isSent = isDeepStrictEqual(sent, { whole: uploaded, parts: uploaded, replacement: uploaded, cancelled })
  log(`${isSent ? 'sends ' : 'FAILED'}  files from a page: ${JSON.stringify(sent)}`)
  return [...played, isSent]
}

/** The expected reports of the page for uploaded files and for a cancelled one. */
const uploaded = { wasSent: true, rises: true, last: 1 }
const cancelled = { code: 'upload_canceled', wasSent: false, rises: true }

/** Uploads a file, waits until the worker has processed it, and returns the id of its track. */
async function uploadTrack(person: Person, file: string): Promise<string> {
  const { upload } = await sendFile(person, file)
  const { trackId } = await person.call(finalizeUpload, { uploadId: upload.id })
  await waitUntil(async () => (await Upload.findByPk(upload.id))?.state === 'ready')
  return trackId ?? ''
}

const log = (line: string) => void process.stdout.write(`${line}\n`)

main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { startStack } from '../../dev/stack'
import { createWorld, type WorldParts } from '../../kernel/world'
import { readConfig } from '../../kernel/world/config'
import { migrateUp } from '../../migrations/migrate'
import { startWeb } from '../../server/main'
import { product } from '../../skills'
import { Upload } from '../../models'
import { finalizeUpload } from '../../skills/music-upload/finalize-upload'
import { startWorker } from '../../server/worker'
import { until } from '../kernel/until'
import { Person } from '../people'
import { send } from '../skills/music-upload/uploading'
import { findChromium, openBrowser } from './chromium'
import { servePage } from './page'

const seconds = 20
const noDistribution = { CLOUDFRONT_DOMAIN: '', CLOUDFRONT_KEY_PAIR_ID: '', CLOUDFRONT_PRIVATE_KEY: '' }

/**
 * A browser plays what is granted, with our client and hls.js: over signed addresses, over cookies, and straight from the
 * bucket. It sends files too: whole, in parts, as new audio of a track, and one that is cancelled.
 */
async function main(): Promise<number> {
  const chromium = await findChromium()
  if (chromium === undefined) {
    say('There is no Chromium here. On Debian or Ubuntu: apt-get install chromium; else name one in CHROMIUM_PATH.')
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
  const node = async (more: Record<string, string>, parts: WorldParts = {}) => {
    const config = readConfig({ ...variables, ...pages, LOG_LEVEL: 'silent', ...more })
    const world = keep(await createWorld(config, parts))
    await world.redis.ready(5_000)
    const { port } = keep(await startWeb(world, product, 0))
    return { world, url: `http://127.0.0.1:${port}` }
  }
  const edged = await node({})
  // The models know one database of a process.
  const bare = await node({ ...noDistribution, REDIS_PREFIX: 'bare' }, { database: edged.world.db })

  const ann = await Person.arrive('ann', await issuer.tokenFor('ann'), edged.url)
  keep(await startWorker(edged.world, product))
  const file = join(folder, 'sound.flac')
  const source = ['-f', 'lavfi', '-i', `aevalsrc=0.5*sin(440*2*PI*t)|0.5*sin(550*2*PI*t):d=${seconds}:s=44100`]
  await promisify(execFile)(edged.world.config.tools.ffmpeg, [...source, file])
  const trackId = await madeBy(ann, file)
  const browser = keep(await openBrowser(chromium, join(folder, 'profile')))
  const played: boolean[] = []
  for (const [name, api, delivery] of [
    ['signed addresses of the edge', edged.url, 'url'],
    ['cookies for the edge', edged.url, 'cookies'],
    ['presigned addresses of the bucket', bare.url, 'url'],
  ] as const) {
    const heard = await browser.play(page.addressFor({ api, trackId, delivery, token: ann.token }), seconds)
    const isWhole = Math.abs(heard.bufferedS - seconds) < 0.2 && Math.abs(heard.durationS - seconds) < 0.2
    const isGood = heard.fault === undefined && heard.advancedS > 1 && isWhole && heard.hasEnded
    say(`${isGood ? 'plays ' : 'FAILED'}  ${name}: ${JSON.stringify(heard)}`)
    played.push(isGood)
  }
  const sent = await browser.answerOf(page.addressFor({ api: edged.url, trackId, token: ann.token }), 'sendAll')
  const isSent = isDeepStrictEqual(sent, { whole: all, parts: all, replacement: all, cancelled: nothing })
  say(`${isSent ? 'sends ' : 'FAILED'}  files from a page: ${JSON.stringify(sent)}`)
  return [...played, isSent]
}

/** What the page should say of files that it sends, and of one that it cancels. */
const all = { wasSent: true, rises: true, last: 1 }
const nothing = { code: 'upload_cancelled', wasSent: false, rises: true }

/** The track that the worker makes of a file. */
async function madeBy(person: Person, file: string): Promise<string> {
  const { upload } = await send(person, file)
  const { trackId } = await person.call(finalizeUpload, { uploadId: upload.id })
  await until(async () => (await Upload.findByPk(upload.id))?.state === 'ready')
  return trackId ?? ''
}

const say = (line: string) => void process.stdout.write(`${line}\n`)

main().then(
  code => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)

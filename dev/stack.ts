import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { type Edge, startEdge } from './edge'
import { makeSigningKeys } from './edge/signing-keys'
import { type Issuer, startIssuer } from './issuer'
import { type Postgres, startPostgres } from './processes/postgres'
import { type Redis, startRedis } from './processes/redis'
import { findTool } from './processes/tools'
import { type S3, startS3 } from './s3'

export interface StackOptions {
  /** Everything is kept here; two stacks must not share one. */
  folder: string
  /** Default true: survives a crash of the machine. Tests do not need that. */
  durable?: boolean
  maxConnections?: number
  /** A part whose variable is set here is not started: the one it names is used. */
  variables?: Readonly<Record<string, string | undefined>>
  /** Where the parts listen; any free port by default. */
  ports?: { issuer?: number; s3?: number; edge?: number }
  say?: (line: string) => void
}

export interface Stack extends AsyncDisposable {
  /** What a node of the server needs to be told. */
  variables: Record<string, string>
  postgres: Postgres | undefined
  redis: Redis | undefined
  issuer: Issuer | undefined
}

const bucket = 'tutti-media'
const region = 'eu-central-1'
export const audience = 'tutti'
const keyPairId = 'KTUTTIDEVELOPMENT'
const keyPairIdNext = 'KTUTTINEXT'

/** The embedded stack of one machine: PostgreSQL, Redis, an S3 stand-in, a token issuer and a CDN edge. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, durable = true, maxConnections = 100, variables = {}, ports = {}, say = () => undefined } = options
  await mkdir(folder, { recursive: true })
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const unless = <T>(name: string, start: () => Promise<T>) => (variables[name] ? undefined : start())
  try {
    const [postgres, redis, s3, issuer, tools] = await Promise.all([
      unless('DATABASE_URL', async () =>
        keep(await startPostgres({ folder: join(folder, 'postgres'), durable, maxConnections, say })),
      ),
      unless('REDIS_HOST', async () =>
        keep(await startRedis({ folder: join(folder, 'redis'), persistent: durable, say })),
      ),
      unless('S3_BUCKET_NAME', async () => startBucket(join(folder, 's3'), ports.s3, keep)),
      unless('AUTH_SERVER_JWKS_URL', async () =>
        keep(await startIssuer({ ...at(ports.issuer), audience, keyFile: join(folder, 'issuer-keys.json') })),
      ),
      findAudioTools(say),
    ])
    const edge =
      s3 === undefined || variables.CLOUDFRONT_DOMAIN
        ? undefined
        : await openEdge(folder, ports.edge, s3, variables, keep)
    return {
      postgres,
      redis,
      issuer,
      variables: {
        ...(postgres === undefined ? {} : { DATABASE_URL: postgres.url }),
        ...(redis === undefined ? {} : { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) }),
        ...s3,
        ...edge,
        ...(issuer === undefined ? {} : variablesOf(issuer)),
        ...tools,
      },
      [Symbol.asyncDispose]: () => disposeAll(parts),
    }
  } catch (error) {
    await disposeAll(parts)
    throw error
  }
}

const at = (port: number | undefined) => (port === undefined ? {} : { port })

const variablesOf = ({ issuer, jwksUrl }: Issuer) => ({
  AUTH_SERVER_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
})

async function findAudioTools(say: (line: string) => void) {
  // One after the other: the first installs both where they are missing.
  const FFMPEG_PATH = await findTool('ffmpeg', say)
  return { FFMPEG_PATH, FFPROBE_PATH: await findTool('ffprobe', say) }
}

type Keep = <T extends AsyncDisposable>(part: T) => T

async function startBucket(folder: string, port: number | undefined, keep: Keep) {
  const secret = await keptIn(join(folder, '..', 's3-secret'), () => randomBytes(24).toString('base64url'))
  const credentials = { accessKeyId: 'TUTTIDEVELOPMENT', secretAccessKey: secret }
  const { endpoint }: S3 = keep(await startS3({ ...at(port), folder, region, ...credentials }))
  const client = new S3Client({ region, endpoint, credentials, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch(ignoreExisting)
  // A page of any origin may upload with a presigned URL: the signature is the right, and this is development.
  const exposed = ['ETag', 'x-amz-checksum-sha256', 'Content-Range', 'Accept-Ranges', 'Content-Length']
  const rule = {
    ...{ AllowedOrigins: ['*'], AllowedMethods: ['GET', 'HEAD', 'PUT'], AllowedHeaders: ['*'] },
    ExposeHeaders: exposed,
  }
  await client.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } }))
  client.destroy()
  return {
    S3_ENDPOINT: endpoint,
    S3_BUCKET_NAME: bucket,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Error && error.name === 'BucketAlreadyOwnedByYou')) throw error
}

type Bucket = Awaited<ReturnType<typeof startBucket>>

async function openEdge(
  folder: string,
  port: number | undefined,
  s3: Bucket,
  variables: Readonly<Record<string, string | undefined>>,
  keep: Keep,
) {
  const [keys, next] = [await keyPairIn(folder, 'edge-keys.json'), await keyPairIn(folder, 'edge-keys-next.json')]
  const publicKeys = { [keyPairId]: keys.publicKey, [keyPairIdNext]: next.publicKey }
  // Cookies are for pages that are named; without any, every page may read what is signed.
  const named = (variables.ALLOWED_ORIGINS ?? '').split(',').flatMap(origin => origin.trim() || [])
  const allowedOrigins = named.length > 0 ? named : ['*']
  const origin = {
    endpoint: s3.S3_ENDPOINT,
    region: s3.AWS_REGION,
    bucket: s3.S3_BUCKET_NAME,
    accessKeyId: s3.AWS_ACCESS_KEY_ID,
    secretAccessKey: s3.AWS_SECRET_ACCESS_KEY,
  }
  const { url }: Edge = keep(await startEdge({ ...at(port), publicKeys, origin, allowedOrigins }))
  return {
    CLOUDFRONT_DOMAIN: url,
    CLOUDFRONT_KEY_PAIR_ID: keyPairId,
    CLOUDFRONT_PRIVATE_KEY: keys.privateKey,
    CLOUDFRONT_KEY_PAIR_ID_NEXT: keyPairIdNext,
    CLOUDFRONT_PRIVATE_KEY_NEXT: next.privateKey,
  }
}

const keyPairIn = async (folder: string, file: string) =>
  JSON.parse(await keptIn(join(folder, file), () => JSON.stringify(makeSigningKeys()))) as ReturnType<
    typeof makeSigningKeys
  >

/** What a file holds; made and kept the first time. */
async function keptIn(file: string, make: () => string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept !== undefined) return kept
  const made = make()
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, made, { mode: 0o600 })
  return made
}

async function disposeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  for (const part of parts) await part[Symbol.asyncDispose]()
}

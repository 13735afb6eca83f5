import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, PutBucketCorsCommand, S3Client } from '@aws-sdk/client-s3'
import { type Edge, startEdge } from './edge'
import { generateSigningKeys } from './edge/signing-keys'
import { type Issuer, startIssuer } from './issuer'
import { type Postgres, startPostgres } from './processes/postgres'
import { type Redis, startRedis } from './processes/redis'
import { findTool } from './processes/find-tool'
import { type S3, startS3 } from './s3'

export interface StackOptions {
  /** The data folder; two stacks must not share one. */
  folder: string
  /** Default true: data survives a crash of the machine. Tests set false. */
  durable?: boolean
  maxConnections?: number
  /** Environment variables. A service whose variable is set is not started: the given one is used. */
  variables?: Readonly<Record<string, string | undefined>>
  /** Ports to listen on; any free port by default. */
  ports?: { issuer?: number; s3?: number; edge?: number }
  log?: (line: string) => void
}

export interface Stack extends AsyncDisposable {
  /** The environment variables that a node needs. */
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

/** Starts the embedded stack on this machine: PostgreSQL, Redis, an S3 stand-in, a token issuer and a CDN edge. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, durable = true, maxConnections = 100, variables = {}, ports = {}, log = () => undefined } = options
  await mkdir(folder, { recursive: true })
  const parts: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(part: T): T => {
    parts.unshift(part)
    return part
  }
  const unlessConfigured = <T>(name: string, start: () => Promise<T>) => (variables[name] ? undefined : start())
  try {
    const [postgres, redis, s3, issuer, tools] = await Promise.all([
      unlessConfigured('DATABASE_URL', async () =>
        keep(await startPostgres({ folder: join(folder, 'postgres'), durable, maxConnections, log })),
      ),
      unlessConfigured('REDIS_HOST', async () =>
        keep(await startRedis({ folder: join(folder, 'redis'), persistent: durable, log })),
      ),
      unlessConfigured('S3_BUCKET_NAME', async () => startBucket(join(folder, 's3'), ports.s3, keep)),
      unlessConfigured('AUTH_SERVER_JWKS_URL', async () =>
        keep(await startIssuer({ ...withPort(ports.issuer), audience, keyFile: join(folder, 'issuer-keys.json') })),
      ),
      findAudioTools(log),
    ])
    const edge =
      s3 === undefined || variables.CLOUDFRONT_DOMAIN
        ? undefined
        : await startCdnEdge(folder, ports.edge, s3, variables, keep)
    return {
      postgres,
      redis,
      issuer,
      variables: {
        ...(postgres === undefined ? {} : { DATABASE_URL: postgres.url }),
        ...(redis === undefined ? {} : { REDIS_HOST: redis.host, REDIS_PORT: String(redis.port) }),
        ...s3,
        ...edge,
        ...(issuer === undefined ? {} : issuerVariables(issuer)),
        ...tools,
      },
      [Symbol.asyncDispose]: () => disposeAll(parts),
    }
  } catch (error) {
    await disposeAll(parts)
    throw error
  }
}

const withPort = (port: number | undefined) => (port === undefined ? {} : { port })

const issuerVariables = ({ issuer, jwksUrl }: Issuer) => ({
  AUTH_SERVER_JWKS_URL: jwksUrl,
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
})

async function findAudioTools(say: (line: string) => void) {
  // Sequential, because installing ffmpeg also installs ffprobe.
  const FFMPEG_PATH = await findTool('ffmpeg', say)
  return { FFMPEG_PATH, FFPROBE_PATH: await findTool('ffprobe', say) }
}

type Keep = <T extends AsyncDisposable>(part: T) => T

async function startBucket(folder: string, port: number | undefined, keep: Keep) {
  const secret = await readOrCreate(join(folder, '..', 's3-secret'), () => randomBytes(24).toString('base64url'))
  const credentials = { accessKeyId: 'TUTTIDEVELOPMENT', secretAccessKey: secret }
  const { endpoint }: S3 = keep(await startS3({ ...withPort(port), folder, region, ...credentials }))
  const client = new S3Client({ region, endpoint, credentials, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket })).catch(ignoreExisting)
  // Allow uploads from pages of any origin: the presigned URL is the authorization, and this is development.
  const exposedHeaders = ['ETag', 'x-amz-checksum-sha256', 'Content-Range', 'Accept-Ranges', 'Content-Length']
  const rule = {
    ...{ AllowedOrigins: ['*'], AllowedMethods: ['GET', 'HEAD', 'PUT'], AllowedHeaders: ['*'] },
    ExposeHeaders: exposedHeaders,
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

async function startCdnEdge(
  folder: string,
  port: number | undefined,
  s3: Bucket,
  variables: Readonly<Record<string, string | undefined>>,
  keep: Keep,
) {
  const [keys, next] = [
    await readOrCreateKeyPair(folder, 'edge-keys.json'),
    await readOrCreateKeyPair(folder, 'edge-keys-next.json'),
  ]
  const publicKeys = { [keyPairId]: keys.publicKey, [keyPairIdNext]: next.publicKey }
  // Signed cookies work for listed origins only; without any, pages of all origins may use signed URLs.
  const listedOrigins = (variables.ALLOWED_ORIGINS ?? '').split(',').flatMap(origin => origin.trim() || [])
  const allowedOrigins = listedOrigins.length > 0 ? listedOrigins : ['*']
  const origin = {
    endpoint: s3.S3_ENDPOINT,
    region: s3.AWS_REGION,
    bucket: s3.S3_BUCKET_NAME,
    accessKeyId: s3.AWS_ACCESS_KEY_ID,
    secretAccessKey: s3.AWS_SECRET_ACCESS_KEY,
  }
  const { url }: Edge = keep(await startEdge({ ...withPort(port), publicKeys, origin, allowedOrigins }))
  return {
    CLOUDFRONT_DOMAIN: url,
    CLOUDFRONT_KEY_PAIR_ID: keyPairId,
    CLOUDFRONT_PRIVATE_KEY: keys.privateKey,
    CLOUDFRONT_KEY_PAIR_ID_NEXT: keyPairIdNext,
    CLOUDFRONT_PRIVATE_KEY_NEXT: next.privateKey,
  }
}

const readOrCreateKeyPair = async (folder: string, file: string) =>
  JSON.parse(await readOrCreate(join(folder, file), () => JSON.stringify(generateSigningKeys()))) as ReturnType<
    typeof generateSigningKeys
  >

/** Reads a file, or creates it with the value of `make` the first time. */
async function readOrCreate(file: string, make: () => string): Promise<string> {
  const existing = await readFile(file, 'utf8').catch(() => undefined)
  if (existing !== undefined) return existing
  const created = make()
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, created, { mode: 0o600 })
  return created
}

async function disposeAll(parts: readonly AsyncDisposable[]): Promise<void> {
  for (const part of parts) await part[Symbol.asyncDispose]()
}

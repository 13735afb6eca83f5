import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startS3 } from '../../dev/s3'

/**
 * The bucket that the conformance tests use: one in the stand-in, or a real one if S3_CONFORMANCE_ENDPOINT, _BUCKET, _REGION,
 * _KEY_ID and _SECRET are all set. The tests replace its CORS and lifecycle rules.
 */
export interface S3Target extends AsyncDisposable {
  endpoint: string
  bucket: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  /** An S3 client with the SDK's defaults. */
  client: S3Client
  /** Presigns URLs without a checksum, because the body is not known yet. */
  presigner: S3Client
  createClient: (config?: Partial<S3ClientConfig>) => S3Client
  /** Returns an unused key. */
  newKey: (name?: string) => string
}

export const realBucket = readEnvironment()

/** For tests that need the stand-in: its clock, its disk, creating buckets. */
export const describeForStandIn = (name: string, tests: () => void) => {
  if (!realBucket) describe(name, tests)
}

export async function openS3Target(): Promise<S3Target> {
  if (realBucket) return target(realBucket, async () => undefined)
  const folder = await mkdtemp(join(tmpdir(), 's3-'))
  const credentials = { accessKeyId: 'AKIDSTANDIN', secretAccessKey: 'a/secret+of=the stand-in' }
  const region = 'eu-central-1'
  const s3 = await startS3({ folder, region, ...credentials })
  const opened = target({ endpoint: s3.endpoint, bucket: 'conformance', region, credentials }, async () => {
    await s3[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  await opened.client.send(new CreateBucketCommand({ Bucket: opened.bucket }))
  return opened
}

/** The status of a fetch response and, for an error, S3's code. */
export async function statusAndCode(answer: Response | Promise<Response>): Promise<string> {
  const { status, body } = await readAnswer(answer)
  return `${status} ${/<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? ''}`.trim()
}

export async function readAnswer(answer: Response | Promise<Response>): Promise<{ status: number; body: string }> {
  const response = await answer
  return { status: response.status, body: await response.text() }
}

/** The error that the SDK throws, for `rejects.toMatchObject`. */
export const sdkError = (status: number, name: string) => ({ name, $metadata: { httpStatusCode: status } })

function target(
  where: Pick<S3Target, 'endpoint' | 'bucket' | 'region' | 'credentials'>,
  close: () => Promise<void>,
): S3Target {
  const clients: S3Client[] = []
  const connect = (config: Partial<S3ClientConfig> = {}) => {
    const { endpoint, region, credentials } = where
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1, ...config })
    clients.push(client)
    return client
  }
  const prefix = `conformance-${randomUUID()}`
  return {
    ...where,
    createClient: connect,
    client: connect(),
    presigner: connect({ requestChecksumCalculation: 'WHEN_REQUIRED' }),
    newKey: (name = 'object') => `${prefix}/${randomUUID()}/${name}`,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy()
      await close()
    },
  }
}

function readEnvironment(): Pick<S3Target, 'endpoint' | 'bucket' | 'region' | 'credentials'> | undefined {
  const read = (name: string) => process.env[`S3_CONFORMANCE_${name}`]
  const [endpoint, bucket, region] = [read('ENDPOINT'), read('BUCKET'), read('REGION')]
  const [accessKeyId, secretAccessKey] = [read('KEY_ID'), read('SECRET')]
  if (!endpoint || !bucket || !region || !accessKeyId || !secretAccessKey) return undefined
  return { endpoint, bucket, region, credentials: { accessKeyId, secretAccessKey } }
}

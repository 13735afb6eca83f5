import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { testStack } from './stack'

/** Creates a bucket and returns its variables, for tests that list the whole bucket. */
export async function createOwnBucket(): Promise<Record<string, string>> {
  const bucket = `own-${randomUUID()}`
  const { S3_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = testStack().variables
  const s3 = new S3Client({
    endpoint: S3_ENDPOINT ?? '',
    region: AWS_REGION ?? '',
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID ?? '', secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '' },
    forcePathStyle: true,
  })
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  s3.destroy()
  return { S3_BUCKET_NAME: bucket }
}

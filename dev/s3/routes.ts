import { type S3Response } from './response'
import { type S3Request } from './request'
import * as onBucket from './bucket-operations'
import { type Bucket } from './buckets'
import { completeUpload } from './complete-upload'
import { copyObject } from './copy-object'
import { respondToPreflight } from './cors'
import { S3Error } from './errors'
import * as multipart from './multipart-operations'
import * as onObject from './object-operations'
import { postObject } from './post-object'
import { authenticate, type AuthenticatedRequest } from './signature'
import { type State } from './state'

/** Authenticates and routes a request; refuses what is not implemented instead of ignoring it. */
export async function handleRequest(state: State, ask: S3Request): Promise<S3Response> {
  if (ask.method === 'OPTIONS') return respondToPreflight(ask, state.buckets.find(ask.bucket ?? '')?.record.cors)
  if (isForm(ask)) return postObject(state, ask, state.buckets.get(ask.bucket ?? ''))
  const call = authenticate(ask, state.credentials, state.now())
  const operation = nameOperation(call)
  if (call.bucket === undefined) {
    if (operation === 'GET') return onBucket.listBuckets(state)
    throw new S3Error('MethodNotAllowed')
  }
  if (call.key === undefined && operation === 'PUT') return onBucket.createBucket(state, call, call.bucket)
  const handle = call.key === undefined ? bucketRoutes.get(operation) : undefined
  const handleObject = call.key === undefined ? undefined : objectRoutes.get(operation)
  const bucket = state.buckets.get(call.bucket)
  if (handle) return handle(state, call, bucket)
  if (handleObject && call.key !== undefined) return handleObject(state, call, bucket, call.key)
  throw new S3Error('NotImplemented', undefined, { Operation: operation })
}

type BucketOperation = (state: State, call: AuthenticatedRequest, bucket: Bucket) => Promise<S3Response>
type ObjectOperation = (state: State, call: AuthenticatedRequest, bucket: Bucket, key: string) => Promise<S3Response>

const bucketRoutes = new Map<string, BucketOperation>([
  ['HEAD', onBucket.headBucket],
  ['DELETE', onBucket.deleteBucket],
  ['GET location', onBucket.getLocation],
  ['GET list-type', onBucket.listObjects],
  ['GET uploads', multipart.listUploads],
  ['POST delete', onObject.deleteObjects],
  ['PUT cors', onBucket.putCors],
  ['GET cors', onBucket.getCors],
  ['DELETE cors', onBucket.deleteCors],
  ['PUT lifecycle', onBucket.putLifecycle],
  ['GET lifecycle', onBucket.getLifecycle],
  ['DELETE lifecycle', onBucket.deleteLifecycle],
])

const objectRoutes = new Map<string, ObjectOperation>([
  ['PUT', onObject.putObject],
  ['PUT copy', copyObject],
  ['GET', onObject.getObject],
  ['HEAD', onObject.getObject],
  ['DELETE', onObject.deleteObject],
  ['GET attributes', onObject.getObjectAttributes],
  ['PUT tagging', onObject.putTagging],
  ['GET tagging', onObject.getTagging],
  ['DELETE tagging', onObject.deleteTagging],
  ['POST uploads', multipart.createUpload],
  ['PUT partNumber uploadId', multipart.uploadPart],
  ['GET uploadId', multipart.listParts],
  ['POST uploadId', completeUpload],
  ['DELETE uploadId', multipart.abortUpload],
])

// Query parameters that do not select an operation. Any other does, so that an unknown one is not treated as a plain GET.
const qualifiers = new Set([
  'x-id',
  'prefix',
  'delimiter',
  'max-keys',
  'start-after',
  'continuation-token',
  'fetch-owner',
  'encoding-type',
  'max-parts',
  'part-number-marker',
  'max-uploads',
  'max-buckets',
  'key-marker',
  'upload-id-marker',
])

function nameOperation({ method, query, headers }: AuthenticatedRequest): string {
  const named = [...query.keys()].filter(
    name => !qualifiers.has(name) && !/^x-amz-/i.test(name) && !name.startsWith('response-'),
  )
  if (method === 'PUT' && named.length === 0 && headers.has('x-amz-copy-source')) named.push('copy')
  return [method, ...named.sort()].join(' ')
}

function isForm({ method, key, headers }: S3Request): boolean {
  const type = headers.get('content-type') ?? ''
  return (
    method === 'POST' && key === undefined && /^multipart\/form-data\b/i.test(type) && !headers.has('authorization')
  )
}

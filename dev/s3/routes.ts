import { type S3Response } from './response'
import { type S3Request } from './request'
import * as bucketOperations from './bucket-operations'
import { type Bucket } from './buckets'
import { completeUpload } from './complete-upload'
import { copyObject } from './copy-object'
import { respondToPreflight } from './cors'
import { S3Error } from './errors'
import * as multipartOperations from './multipart-operations'
import * as objectOperations from './object-operations'
import { postObject } from './post-object'
import { authenticate, type AuthenticatedRequest } from './signature'
import { type State } from './state'

/** Authenticates and routes a request; refuses what is not implemented instead of ignoring it. */
export async function handleRequest(state: State, request: S3Request): Promise<S3Response> {
  if (request.method === 'OPTIONS')
    return respondToPreflight(request, state.buckets.find(request.bucket ?? '')?.record.cors)
  if (isForm(request)) return postObject(state, request, state.buckets.get(request.bucket ?? ''))
  const call = authenticate(request, state.credentials, state.now())
  const operation = nameOperation(call)
  if (call.bucket === undefined) {
    if (operation === 'GET') return bucketOperations.listBuckets(state)
    throw new S3Error('MethodNotAllowed')
  }
  if (call.key === undefined && operation === 'PUT') return bucketOperations.createBucket(state, call, call.bucket)
  const bucket = state.buckets.get(call.bucket)
  if (call.key === undefined) {
    const handle = bucketRoutes.get(operation)
    if (handle) return handle(state, call, bucket)
  } else {
    const handle = objectRoutes.get(operation)
    if (handle) return handle(state, call, bucket, call.key)
  }
  throw new S3Error('NotImplemented', undefined, { Operation: operation })
}

// The keys are the method and the query parameters that select an operation, sorted; see `nameOperation`.
type BucketOperation = (state: State, call: AuthenticatedRequest, bucket: Bucket) => Promise<S3Response>
type ObjectOperation = (state: State, call: AuthenticatedRequest, bucket: Bucket, key: string) => Promise<S3Response>

const bucketRoutes = new Map<string, BucketOperation>([
  ['HEAD', bucketOperations.headBucket],
  ['DELETE', bucketOperations.deleteBucket],
  ['GET location', bucketOperations.getLocation],
  ['GET list-type', bucketOperations.listObjects],
  ['GET uploads', multipartOperations.listUploads],
  ['POST delete', objectOperations.deleteObjects],
  ['PUT cors', bucketOperations.putCors],
  ['GET cors', bucketOperations.getCors],
  ['DELETE cors', bucketOperations.deleteCors],
  ['PUT lifecycle', bucketOperations.putLifecycle],
  ['GET lifecycle', bucketOperations.getLifecycle],
  ['DELETE lifecycle', bucketOperations.deleteLifecycle],
])

const objectRoutes = new Map<string, ObjectOperation>([
  ['PUT', objectOperations.putObject],
  ['PUT copy', copyObject],
  ['GET', objectOperations.getObject],
  ['HEAD', objectOperations.getObject],
  ['DELETE', objectOperations.deleteObject],
  ['GET attributes', objectOperations.getObjectAttributes],
  ['PUT tagging', objectOperations.putTagging],
  ['GET tagging', objectOperations.getTagging],
  ['DELETE tagging', objectOperations.deleteTagging],
  ['POST uploads', multipartOperations.createUpload],
  ['PUT partNumber uploadId', multipartOperations.uploadPart],
  ['GET uploadId', multipartOperations.listParts],
  ['POST uploadId', completeUpload],
  ['DELETE uploadId', multipartOperations.abortUpload],
])

// Query parameters that do not select an operation. Every other one does, so that a request with an unknown one is refused.
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

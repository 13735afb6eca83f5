import { quoted, type S3Response, emptyResponse, xmlResponse } from './response'
import { type S3Request } from './request'
import { verifiedBody, readExpectedDigests } from './body'
import { type Bucket } from './buckets'
import { sign, signingKey } from './canonical'
import { checksumHeaders, defaultAlgorithm } from './checksums'
import { checkCredential, type Credentials, readCredential } from './credential'
import { readDescription } from './description'
import { S3Error } from './errors'
import { readUploadForm } from './form-data'
import { checkPolicy, type PolicyLimits } from './post-policy'
import { equalsInConstantTime } from './signature'
import { type State } from './state'
import { storeObject } from './store-object'

/** Browser upload by form: authenticated by the form's policy; streams the file to disk within the policy's size limits. */
export async function postObject(state: State, request: S3Request, bucket: Bucket): Promise<S3Response> {
  const { fields, filename, file } = await readUploadForm(request.headers.get('content-type') ?? '', request.body)
  const policy = checkFormSignature(fields, state.credentials)
  const limits = checkPolicy(policy, { fields, bucket: bucket.record.name, now: state.now() })
  const key = fields.get('key')?.replaceAll('${filename}', filename)
  if (!key) {
    throw new S3Error('InvalidArgument', "Bucket POST must contain a field named 'key'.", { ArgumentName: 'key' })
  }
  const object = await storeObject(state, bucket, {
    key,
    description: readDescription(asHeaders(fields)),
    body: verifiedBody(limitSize(file, limits), readExpectedDigests({ headers: fields }), {
      fallback: defaultAlgorithm,
    }),
    precondition: () => undefined,
  })
  const headers = { etag: quoted(object.etag), ...checksumHeaders(object.checksum) }
  return formResponse(fields, headers, { Bucket: bucket.record.name, Key: key, ETag: quoted(object.etag) })
}

function checkFormSignature(fields: ReadonlyMap<string, string>, credentials: Credentials): string {
  const policy = fields.get('policy')
  if (!policy) throw new S3Error('AccessDenied')
  const need = (name: string) => {
    const value = fields.get(name)
    if (value) return value
    throw new S3Error('InvalidArgument', `Bucket POST must contain a field named '${name}'.`, { ArgumentName: name })
  }
  if (need('x-amz-algorithm') !== 'AWS4-HMAC-SHA256') {
    throw new S3Error('InvalidArgument', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  }
  const credential = readCredential(need('x-amz-credential'), 'InvalidPolicyDocument')
  checkCredential(credential, credentials, 'InvalidPolicyDocument')
  if (!need('x-amz-date').startsWith(credential.day)) {
    throw new S3Error('InvalidPolicyDocument', 'Invalid credential date.')
  }
  const expected = sign(signingKey(credentials.secretAccessKey, credential), policy)
  if (!equalsInConstantTime(expected, need('x-amz-signature'))) {
    throw new S3Error('SignatureDoesNotMatch', undefined, { StringToSign: policy })
  }
  return policy
}

// Form values are UTF-8, stored header values are latin1: convert, so that both kinds of upload store the same.
function asHeaders(fields: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...fields].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]))
}

async function* limitSize(file: AsyncIterable<Buffer>, { bytesMin, bytesMax }: PolicyLimits): AsyncGenerator<Buffer> {
  let size = 0
  const limits = () => ({
    ProposedSize: String(size),
    MinSizeAllowed: String(bytesMin),
    MaxSizeAllowed: String(bytesMax),
  })
  for await (const chunk of file) {
    size += chunk.length
    if (size > bytesMax) throw new S3Error('EntityTooLarge', undefined, limits())
    yield chunk
  }
  if (size < bytesMin) throw new S3Error('EntityTooSmall', undefined, limits())
}

function formResponse(
  fields: ReadonlyMap<string, string>,
  headers: Record<string, string>,
  stored: { Bucket: string; Key: string; ETag: string },
): S3Response {
  const redirect = fields.get('success_action_redirect') ?? fields.get('redirect')
  if (redirect !== undefined && URL.canParse(redirect)) {
    const target = new URL(redirect)
    target.searchParams.set('bucket', stored.Bucket)
    target.searchParams.set('key', stored.Key)
    target.searchParams.set('etag', stored.ETag)
    return emptyResponse(303, { ...headers, location: target.href })
  }
  switch (fields.get('success_action_status')) {
    case '200':
      return emptyResponse(200, headers)
    case '201':
      return {
        ...xmlResponse('PostResponse', { Location: `/${stored.Bucket}/${stored.Key}`, ...stored }, headers),
        status: 201,
      }
    default:
      return emptyResponse(204, headers)
  }
}

import { type Scope } from './canonical'
import { S3Error } from './errors'

/** The only access key of the stand-in, and its region. */
export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

/** The parsed credential of a request: the access key id and what its signing key is valid for. */
export interface Credential extends Scope {
  accessKeyId: string
}

/** Parses `KEY/20260101/region/s3/aws4_request`; throws an error with `malformedCode` if it is invalid. */
export function readCredential(text: string, malformedCode: MalformedCode): Credential {
  const [accessKeyId, day, region, service, terminator, ...more] = text.split('/')
  if (!accessKeyId || !day || !region || service !== 's3' || terminator !== 'aws4_request' || more.length > 0) {
    throw new S3Error(malformedCode, 'The Credential is mal-formed; expecting "<KEY>/YYYYMMDD/REGION/s3/aws4_request".')
  }
  return { accessKeyId, day, region }
}

export function checkCredential(
  credential: Credential,
  { accessKeyId, region }: Credentials,
  malformedCode: MalformedCode,
) {
  if (credential.accessKeyId !== accessKeyId) {
    throw new S3Error('InvalidAccessKeyId', undefined, { AWSAccessKeyId: credential.accessKeyId })
  }
  if (credential.region !== region) {
    throw new S3Error(malformedCode, `The region '${credential.region}' is wrong; expecting '${region}'`, {
      Region: region,
    })
  }
}

/** The error for an invalid signature field depends on where the field came from. */
export type MalformedCode =
  'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError' | 'InvalidPolicyDocument'

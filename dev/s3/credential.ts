import { type Scope } from './canonical'
import { Refusal } from './errors'

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

export interface Credential extends Scope {
  accessKeyId: string
}

/** Parses `KEY/20260101/region/s3/aws4_request`; throws the error that `malformed` names. */
export function readCredential(text: string, malformed: Malformed): Credential {
  const [accessKeyId, day, region, service, terminator, ...more] = text.split('/')
  if (!accessKeyId || !day || !region || service !== 's3' || terminator !== 'aws4_request' || more.length > 0) {
    throw new Refusal(malformed, 'The Credential is mal-formed; expecting "<KEY>/YYYYMMDD/REGION/s3/aws4_request".')
  }
  return { accessKeyId, day, region }
}

export function checkCredential(credential: Credential, { accessKeyId, region }: Credentials, malformed: Malformed) {
  if (credential.accessKeyId !== accessKeyId) {
    throw new Refusal('InvalidAccessKeyId', undefined, { AWSAccessKeyId: credential.accessKeyId })
  }
  if (credential.region !== region) {
    throw new Refusal(malformed, `The region '${credential.region}' is wrong; expecting '${region}'`, {
      Region: region,
    })
  }
}

/** The error for an invalid signature field depends on where the field came from. */
export type Malformed = 'AuthorizationHeaderMalformed' | 'AuthorizationQueryParametersError' | 'InvalidPolicyDocument'

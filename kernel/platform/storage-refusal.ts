import { S3ServiceException } from '@aws-sdk/client-s3'
import { refusals } from '../pipeline/refusals'

/** Maps an S3 error to a refusal: 404 and 412 concern the object (`conflict`), anything else the store (`unavailable`). */
export const toStorageRefusal = (error: unknown) =>
  error instanceof S3ServiceException && concernsObject(error)
    ? refusals.conflict('The stored file is missing or has changed.')
    : Object.assign(refusals.unavailable('The object store does not answer.', { retryAfter: 5 }), { cause: error })

/** @throws the refusal of an S3 error; for `catch`. */
export function rethrowAsRefusal(error: unknown): never {
  throw toStorageRefusal(error)
}

/** A missing bucket is a configuration error, not a missing object. */
const concernsObject = ({ name, $metadata }: S3ServiceException): boolean =>
  [404, 412].includes($metadata.httpStatusCode ?? 0) && name !== 'NoSuchBucket'

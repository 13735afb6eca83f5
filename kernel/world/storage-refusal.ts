import { S3ServiceException } from '@aws-sdk/client-s3'
import { refusals } from '../refusals'

/** What the store's error means to a caller: 404 and 412 tell of the object; anything else tells of the store. */
export const storageRefusal = (error: unknown) =>
  error instanceof S3ServiceException && [404, 412].includes(error.$metadata.httpStatusCode ?? 0)
    ? refusals.conflict('The file is not the one that it was.')
    : Object.assign(refusals.unavailable('The object store does not answer.', { retryAfter: 5 }), { cause: error })

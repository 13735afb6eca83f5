import { S3ServiceException } from '@aws-sdk/client-s3'
import { refusals } from '../refusals'

/** What the store's error means to a caller: 404 and 412 tell of the object; anything else tells of the store. */
export const storageRefusal = (error: unknown) =>
  error instanceof S3ServiceException && isOfObject(error)
    ? refusals.conflict('The file is not the one that it was.')
    : Object.assign(refusals.unavailable('The object store does not answer.', { retryAfter: 5 }), { cause: error })

/** A bucket that is not there is a wrong setting: no file is to blame. */
const isOfObject = ({ name, $metadata }: S3ServiceException): boolean =>
  [404, 412].includes($metadata.httpStatusCode ?? 0) && name !== 'NoSuchBucket'

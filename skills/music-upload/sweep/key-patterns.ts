/** SQL condition on `upload`, `$1` is the current time. A failed upload keeps its file while it can be retried. */
export const uploadNeedsFileSql = `(upload.state in ('initiated', 'uploaded', 'processing')
  or (upload.state = 'failed' and upload.retry_until > $1))`

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
export const incomingKeyPattern = new RegExp(`^incoming/(${uuid})$`)
export const audioKeyPattern = new RegExp(`^audio/(${uuid})/(${uuid})[./]`)

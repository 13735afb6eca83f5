/** Condition on `upload`; `$1` is the present: one that failed and may still be tried again keeps what it has. */
export const uploadWantsFile = `(upload.state in ('initiated', 'uploaded', 'processing')
  or (upload.state = 'failed' and upload.retry_until > $1))`

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
export const incomingForm = new RegExp(`^incoming/(${uuid})$`)
export const audioForm = new RegExp(`^audio/(${uuid})/(${uuid})[./]`)

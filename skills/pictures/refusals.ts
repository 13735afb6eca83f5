import { refusal } from '../../kernel/pipeline/refusals'
import { refuseClosed } from '../../kernel/platform/incoming-files'
import { type Picture } from '../../models'

/** `retryAfter`: when the first of the pending pictures expires. */
export const tooManyPictures = refusal('too_many_pictures', 429, 'Too many pending pictures')
export const pictureExpired = refusal('picture_expired', 410, 'The picture has expired')
export const pictureAborted = refusal('picture_aborted', 410, 'The picture was aborted')
export const pictureClosed = refusal('picture_closed', 409, 'The picture is closed')

/** @throws `picture_aborted`, `picture_expired` when it no longer accepts its file */
export const refuseClosedPicture = (picture: Picture, now: Date): void =>
  refuseClosed(picture, now, { aborted: pictureAborted, expired: pictureExpired })

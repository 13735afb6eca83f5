import { refusal } from '../../kernel/refusals'

/** `retryAfter`: when the first of the pending pictures expires. */
export const tooManyPictures = refusal('too_many_pictures', 429, 'Too many pending pictures')
export const pictureMissing = refusal('picture_missing', 409, 'The picture has not been sent')
export const pictureMismatch = refusal('picture_mismatch', 422, 'The picture differs from what was declared')
export const pictureExpired = refusal('picture_expired', 410, 'The picture has expired')
export const pictureAborted = refusal('picture_aborted', 410, 'The picture was aborted')
export const pictureOver = refusal('picture_over', 409, 'The picture is closed')

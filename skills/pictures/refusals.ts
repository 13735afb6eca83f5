import { refusal } from '../../kernel/refusals'

/** `retryAfter` says when the first of those that wait expires, if nothing is done. */
export const tooManyPictures = refusal('too_many_pictures', 429, 'Finish or abort one of your pictures first')
export const pictureMissing = refusal('picture_missing', 409, 'The picture has not been sent yet')
export const pictureMismatch = refusal('picture_mismatch', 422, 'The picture is not the one that was announced')
export const pictureExpired = refusal('picture_expired', 410, 'The picture was waited for too long')
export const pictureAborted = refusal('picture_aborted', 410, 'The picture was aborted')
export const pictureOver = refusal('picture_over', 409, 'The picture does not wait for anything any more')

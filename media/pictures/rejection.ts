import { FileRejection } from '../file-rejection'

/** Why a picture is rejected for good; a retry would not help. The messages are for the uploader. */
export const rejectionReasons = {
  unsupported_format: 'This is not a supported picture. Send JPEG, PNG, WebP or GIF.',
  too_many_pixels: 'This picture is larger than 25 megapixels. Send a smaller one.',
  too_small: 'This picture is too small: send at least 100 by 100 pixels.',
  damaged: 'The file is damaged. Save the picture again and send the new file.',
  processing_timeout: 'Reading this picture took too long. Save it again and send the new file.',
  too_complex: 'Reading this picture takes too much memory. Save it again or smaller and send the new file.',
} as const

export type RejectionCode = keyof typeof rejectionReasons

export class Rejection extends FileRejection<RejectionCode> {
  constructor(code: RejectionCode) {
    super(code, rejectionReasons[code])
  }
}

/**
 * The file or the machine may be at fault; one attempt cannot tell. `code` is the rejection of a file that keeps
 * failing.
 */
export class SuspectedRejection extends Error {
  constructor(
    readonly code: RejectionCode,
    why: string,
  ) {
    super(why)
    this.name = 'SuspectedRejection'
  }
}

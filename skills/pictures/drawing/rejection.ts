/** What is wrong with a picture, for good: trying again would not help. The words are for people. */
export const faults = {
  not_a_picture: 'This is not a picture that we know. Send JPEG, PNG, WebP or GIF.',
  too_many_pixels: 'This picture is larger than 25 megapixels. Send a smaller one.',
  too_small: 'This picture is too small: 100 by 100 pixels are the least.',
  damaged: 'The file is damaged. Send it again, or save the picture anew first.',
  too_slow: 'It took too long to read this picture. Save it anew, and send that.',
  too_heavy: 'It takes too much memory to read this picture. Save it anew or smaller, and send that.',
  file_changed: 'The file is not the one that was announced. Send it again.',
} as const

export type FaultCode = keyof typeof faults

export class Rejection extends Error {
  constructor(readonly code: FaultCode) {
    super(code)
    this.name = 'Rejection'
  }

  get fault(): { code: FaultCode; message: string } {
    return { code: this.code, message: faults[this.code] }
  }
}

/** The file or the machine is at fault, and nobody can tell from one attempt: `code` is what to say of a file that goes on so. */
export class Suspicion extends Error {
  constructor(
    readonly code: FaultCode,
    why: string,
  ) {
    super(why)
    this.name = 'Suspicion'
  }
}

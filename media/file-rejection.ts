/** A file is rejected for good; a retry would not help. The message of `error` is for its uploader. */
export class FileRejection<Code extends string> extends Error {
  constructor(
    readonly code: Code,
    private readonly explanation: string,
  ) {
    super(code)
    this.name = 'Rejection'
  }

  get error(): { code: Code; message: string } {
    return { code: this.code, message: this.explanation }
  }
}

/** Server-side failure: the upload can be retried with the file that was sent. */
export const serverFailure = {
  code: 'processing_failed',
  message:
    'Something went wrong on our side. We keep your file for 7 days: retry the upload without sending the file again.',
}

/** The worker crashed on every attempt, perhaps out of memory: the cause may be the file or the machine. */
export const workerCrash = {
  code: 'processing_crashed',
  message: 'Processing this file crashed repeatedly. We keep it for 7 days: retry later, or send it in another format.',
}

/** What went wrong with an upload through no fault of its file: it may be tried again, with the file that is there. */
export const ourFault = {
  code: 'processing_failed',
  message:
    'Something went wrong on our side. Your file is fine as far as we know, and we keep it for 7 days: try again, without sending it anew.',
}

/** The worker died of it each time, for lack of memory perhaps: nobody can say whether the file is to blame. */
export const deadlyFile = {
  code: 'processing_crashed',
  message:
    'Our workers broke down over this file again and again. We keep it for 7 days: try again later, or send it in another format.',
}

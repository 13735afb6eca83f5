import { Rejection, SuspectedRejection } from './rejection'

/**
 * Classifies a decoder error. Errors are caused by the file, the decoder's only input, unless they name memory or the
 * machine.
 */
export function classifyDecoderError(error: unknown): Error {
  if (error instanceof Rejection) return error
  const message = error instanceof Error ? error.message : String(error)
  if (machineErrors.test(message)) return new Error(message)
  if (memoryErrors.test(message)) return new SuspectedRejection('too_complex', message)
  return new Rejection(message.includes('pixel limit') ? 'too_many_pixels' : 'damaged')
}

/** As libvips, its decoders, libuv and the C library phrase them. */
const memoryErrors =
  /out of memory|insufficient memory|memory alloc|cannot allocate|unable to allocate|ENOMEM|array buffer alloc/i
const machineErrors =
  /no space left|ENOSPC|quota exceeded|EDQUOT|too many open files|EMFILE|ENFILE|temporarily unavailable|EAGAIN|input\/output error|EIO\b|unable to create thread|read-only file/i

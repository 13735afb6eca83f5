import { Rejection, Suspicion } from './rejection'

/**
 * Whose fault it is that a decoder gave up. The file is all that it was given: whatever it says is about that, unless it
 * speaks of the machine.
 */
export function blame(error: unknown): Error {
  if (error instanceof Rejection) return error
  const words = error instanceof Error ? error.message : String(error)
  if (ofTheMachine.test(words)) return new Error(words)
  if (ofMemory.test(words)) return new Suspicion('too_heavy', words)
  return new Rejection(words.includes('pixel limit') ? 'too_many_pixels' : 'damaged')
}

/** As libvips, the decoders below it, libuv and the C library say it. */
const ofMemory =
  /out of memory|insufficient memory|memory alloc|cannot allocate|unable to allocate|ENOMEM|array buffer alloc/i
const ofTheMachine =
  /no space left|ENOSPC|quota exceeded|EDQUOT|too many open files|EMFILE|ENFILE|temporarily unavailable|EAGAIN|input\/output error|EIO\b|unable to create thread|read-only file/i

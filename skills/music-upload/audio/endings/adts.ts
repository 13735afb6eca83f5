import { adtsFrames } from '../pieces/frame-kinds'
import { walk } from '../pieces/walk'
import { type Ending, type Sounding } from './ending'

/** AAC in ADTS frames. No header gives their number. */
export async function adtsEnding(sounding: Sounding): Promise<Ending> {
  const { isCut, end } = await walk(sounding, { ...adtsFrames, see: () => undefined })
  return { verdict: isCut ? 'cut' : 'whole', end }
}

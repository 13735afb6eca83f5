import { adtsFrames } from '../frames/mp3-adts-frames'
import { scanFrames } from '../frames/scan-frames'
import { type TruncationResult, type OpenAudioFile } from './truncation-check'

/** AAC in ADTS frames. No header gives their number. */
export async function checkAdts(sounding: OpenAudioFile): Promise<TruncationResult> {
  const { isCut, end } = await scanFrames(sounding, { ...adtsFrames, onFrame: () => undefined })
  return { verdict: isCut ? 'cut' : 'whole', audioEnd: end }
}

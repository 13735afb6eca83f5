import { type Context } from '../../kernel/context'
import { Fingerprint, TrackAudio, Waveform } from '../../models'
import { coarser, waveformPointsDefault } from '../streaming/rules'
import { keyWords } from './audio/fingerprint'
import { findResemblance } from './find-resemblance'
import { type Understood } from './understand'

/**
 * Replaces the rows of waveform, audio and fingerprint with those of this upload. The caller holds the lock of the
 * track.
 */
export async function keepWhatWasHeard(
  of: { trackId: string; uploadId: string },
  { facts, heard, streams, download }: Understood,
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> {
  const { peaks: fine, loudnessLufs, truePeakDbtp, fingerprint } = heard
  await Waveform.upsert({ ...of, fine, peaks: coarser(fine, waveformPointsDefault) })
  await TrackAudio.upsert({ ...of, ...streams, ...download, codec: facts.codec, loudnessLufs, truePeakDbtp })
  if (fingerprint === null) await Fingerprint.destroy({ where: { trackId: of.trackId } })
  else await Fingerprint.upsert({ ...of, words: bytesOf(fingerprint), keyWords: keyWords(fingerprint) })
  await enqueue(findResemblance, { trackId: of.trackId })
}

function bytesOf(words: Uint32Array): Buffer {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4)
  return bytes
}

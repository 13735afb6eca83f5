import { type Context } from '../../kernel/pipeline/context'
import { Fingerprint, TrackAudio, Waveform } from '../../models'
import { keyWords } from '../../media/audio/fingerprint'
import { matchFingerprints } from './match-fingerprints'
import { type AnalyzedUpload } from './analyzed-upload'

/**
 * Replaces the rows of waveform, audio and fingerprint with those of this upload. The caller holds the lock of the
 * track.
 */
export async function saveAudioDetails(
  of: { trackId: string; uploadId: string },
  { probe, measurements, streams, download }: AnalyzedUpload,
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> {
  const { peaks, loudnessLufs, truePeakDbtp, fingerprint } = measurements
  await Waveform.upsert({ ...of, peaks })
  await TrackAudio.upsert({ ...of, ...streams, ...download, codec: probe.codec, loudnessLufs, truePeakDbtp })
  if (fingerprint === null) await Fingerprint.destroy({ where: { trackId: of.trackId } })
  else await Fingerprint.upsert({ ...of, hashes: bytesOf(fingerprint), indexedHashes: keyWords(fingerprint) })
  await enqueue(matchFingerprints, { trackId: of.trackId })
}

function bytesOf(words: Uint32Array): Buffer {
  const bytes = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4)
  return bytes
}

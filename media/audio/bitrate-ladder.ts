import { type ProbedAudio } from './probe-audio'

/** One rung of the bitrate ladder. */
export interface Quality {
  /** `aac-160` */
  name: string
  codec: 'aac' | 'opus'
  kbps: number
}

/** Sample rate and channels, equal for all qualities of a track. */
export interface StreamShape {
  sampleRate: number
  channels: 1 | 2
}

const aacKbps = [96, 160, 256]
/** For low sample rates, such as telephone speech: the best useful one of these. */
const modestKbps = [24, 32, 48, 64]
const opusKbps = [32, 64, 128]
export const previewKbps = [...modestKbps, 96, 128]
/** More bits per sample are inaudible, and an AAC frame holds at most six. 256 kbit/s stereo at 44.1 kHz has 2.9. */
const bitsPerSampleMax = 3
/** Sample rates that AAC supports and every player plays. */
const sampleRates = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]

/**
 * Mono stays mono, everything else becomes stereo. Rates are never raised, except to the next one that AAC supports.
 */
export function chooseStreamShape({ sampleRate, channels }: Pick<ProbedAudio, 'sampleRate' | 'channels'>): StreamShape {
  const rate = sampleRates.find(known => known >= (sampleRate ?? 44_100)) ?? 48_000
  return { sampleRate: rate, channels: channels === 1 ? 1 : 2 }
}

/**
 * The useful qualities, lowest first, at least one: none above the bits per sample that are audible, and for a lossy
 * source none beyond the first that is as good as the source.
 */
export function chooseQualities(
  shape: StreamShape,
  { codec, kbps }: { codec: string; kbps: number },
  { opus }: { opus: boolean },
): Quality[] {
  const sourceKbps = isLossless(codec) ? Infinity : kbps
  const aac = aacKbps.filter(step => step <= capKbps(shape))
  const worthwhile = aac.filter((_, index) => index === 0 || (aac[index - 1] ?? 0) < sourceKbps)
  const chosen = worthwhile.length > 0 ? worthwhile : [highestUsefulKbps(modestKbps, shape)]
  return [
    ...chosen.map((step): Quality => ({ name: `aac-${step}`, codec: 'aac', kbps: step })),
    ...(opus
      ? [highestUsefulKbps(opusKbps, shape)].map((step): Quality => ({
          name: `opus-${step}`,
          codec: 'opus',
          kbps: step,
        }))
      : []),
  ]
}

/** The highest useful step, or the lowest one. */
export const highestUsefulKbps = ([lowest = 0, ...higher]: readonly number[], shape: StreamShape): number =>
  Math.max(lowest, ...higher.filter(step => step <= capKbps(shape)))

const capKbps = ({ sampleRate, channels }: StreamShape) => (bitsPerSampleMax * sampleRate * channels) / 1000

const isLossless = (codec: string) => codec === 'flac' || codec === 'alac' || codec.startsWith('pcm_')

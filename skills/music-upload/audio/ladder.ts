import { type AudioFacts } from './probe-audio'

/** One quality that a sound is streamed in. */
export interface Quality {
  /** `aac-160` */
  name: string
  codec: 'aac' | 'opus'
  kbps: number
}

/** What all qualities of a sound have in common. */
export interface StreamShape {
  sampleRate: number
  channels: 1 | 2
}

const aacKbps = [96, 160, 256]
/** For speech at the rate of a telephone and the like: the best of these that makes sense. */
const modestKbps = [24, 32, 48, 64]
const opusKbps = [32, 64, 128]
export const previewKbps = [...modestKbps, 96, 128]
/** More bits for a sample than this nobody hears, and an AAC frame holds six. 256 kbit/s for two channels at 44.1 kHz are 2.9. */
const bitsPerSampleMax = 3
/** What AAC knows and every player plays. */
const sampleRates = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]

/** One channel stays one, more than two become two; no rate is raised, except to the next that AAC knows. */
export function streamShapeOf({ sampleRate, channels }: Pick<AudioFacts, 'sampleRate' | 'channels'>): StreamShape {
  const rate = sampleRates.find(known => known >= (sampleRate ?? 44_100)) ?? 48_000
  return { sampleRate: rate, channels: channels === 1 ? 1 : 2 }
}

/**
 * The qualities worth having, the lowest first, at least one: none with more bits than the sound has use for, and of a
 * file that was compressed with loss none beyond the first that is as good as the file.
 */
export function qualitiesOf(
  shape: StreamShape,
  { codec, kbps }: { codec: string; kbps: number },
  { opus }: { opus: boolean },
): Quality[] {
  const most = isLossless(codec) ? Infinity : kbps
  const aac = aacKbps.filter(step => step <= capKbps(shape))
  const worthwhile = aac.filter((_, index) => index === 0 || (aac[index - 1] ?? 0) < most)
  const chosen = worthwhile.length > 0 ? worthwhile : [bestOf(modestKbps, shape)]
  return [
    ...chosen.map((step): Quality => ({ name: `aac-${step}`, codec: 'aac', kbps: step })),
    ...(opus
      ? [bestOf(opusKbps, shape)].map((step): Quality => ({ name: `opus-${step}`, codec: 'opus', kbps: step }))
      : []),
  ]
}

/** The highest of the steps that the sound has use for, or the lowest. */
export const bestOf = ([lowest = 0, ...higher]: readonly number[], shape: StreamShape): number =>
  Math.max(lowest, ...higher.filter(step => step <= capKbps(shape)))

const capKbps = ({ sampleRate, channels }: StreamShape) => (bitsPerSampleMax * sampleRate * channels) / 1000

const isLossless = (codec: string) => codec === 'flac' || codec === 'alac' || codec.startsWith('pcm_')

import { fileTypeFromFile } from 'file-type/node'
import { untrustedInputArgs, type AudioFormat, formatsBySignature, isPlayableCodec } from './formats'
import { type TruncationResult } from './truncation/truncation-check'
import { refuseTruncated } from './refuse-truncated'
import { refusePolyglot } from './refuse-polyglot'
import { Rejection } from './rejection'
import { runAudioTool } from './run-audio-tool'
import { requestedTags, readTags } from './read-tags'

const probeTimeoutMs = 15_000
const reportBytesMax = 4 * 1024 * 1024
/** Browsers play no lower rate. */
const sampleRateMin = 3_000
const durationMsMax = 24 * 60 * 60_000

/** What the headers of a file say. */
export interface ProbedAudio {
  format: AudioFormat
  completeness: TruncationResult['verdict']
  codec: string
  /** Null when the header does not say. */
  durationMs: number | null
  bitrate: number | null
  sampleRate: number | null
  channels: number | null
  tags: Record<string, string>
}

/**
 * Identifies a local file by its first bytes and by ffprobe: both must agree.
 * @throws Rejection when the file is not accepted
 */
export async function probeAudio(ffprobe: string, path: string, signal: AbortSignal): Promise<ProbedAudio> {
  const format = await detectFormat(path)
  await refusePolyglot(path)
  const ending = await refuseTruncated(path, format.demuxer, signal)
  const report = await runProbe(ffprobe, path, format, signal)
  const streams = listOf(report.streams)
  const audio = streams.find(stream => stream.codec_type === 'audio')
  if (audio === undefined) throw new Rejection('no_audio_stream')
  if (streams.some(isVideo)) throw new Rejection('video_not_supported')
  const codec = String(audio.codec_name)
  const sampleRate = numberOf(audio.sample_rate)
  if (!isPlayableCodec(codec) || (sampleRate ?? 0) < sampleRateMin) throw new Rejection('unsupported_codec')
  const whole = mapOf(report.format)
  const seconds = numberOf(whole.duration) ?? numberOf(audio.duration)
  if (seconds !== null && seconds * 1000 > durationMsMax) throw new Rejection('too_long')
  return {
    format,
    completeness: ending,
    codec,
    durationMs: seconds === null ? null : Math.round(seconds * 1000),
    bitrate: numberOf(audio.bit_rate) ?? numberOf(whole.bit_rate),
    sampleRate,
    channels: numberOf(audio.channels),
    tags: readTags(mapOf(audio.tags), mapOf(whole.tags)),
  }
}

/** Detect the format from the bytes; file name and declared type may be wrong. */
async function detectFormat(path: string): Promise<AudioFormat> {
  const seen = await fileTypeFromFile(path, { mpegOffsetTolerance: 10 })
  const format = seen === undefined ? undefined : formatsBySignature[seen.ext]
  if (format === undefined) throw new Rejection('unsupported_format')
  return format
}

/**
 * Request only the fields that are used: others can be arbitrarily long. ffprobe matches tag names
 * case-insensitively.
 */
const entries = [
  'format=duration,bit_rate',
  'stream=codec_type,codec_name,sample_rate,channels,duration,bit_rate',
  'stream_disposition=attached_pic',
  ...['format_tags', 'stream_tags'].map(section => `${section}=${requestedTags.join(',')}`),
].join(':')

async function runProbe(ffprobe: string, path: string, { demuxer }: AudioFormat, signal: AbortSignal) {
  const chunks: Buffer[] = []
  let bytes = 0
  const collect = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > reportBytesMax) throw new Rejection('damaged')
    chunks.push(chunk)
  }
  const args = ['-v', 'quiet', '-of', 'json', '-show_entries', entries, ...untrustedInputArgs(path, demuxer)]
  const succeeded = await runAudioTool(ffprobe, args, { timeoutMs: probeTimeoutMs, signal }, collect)
  if (!succeeded) throw new Rejection('unsupported_format')
  return mapOf(JSON.parse(Buffer.concat(chunks).toString()))
}

/** Attached pictures are covers, not video. */
const isVideo = (stream: Record<string, unknown>) =>
  stream.codec_type === 'video' && mapOf(stream.disposition).attached_pic !== 1

const mapOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

const listOf = (value: unknown) => (Array.isArray(value) ? value.map(mapOf) : [])

function numberOf(value: unknown): number | null {
  const read = typeof value === 'string' || typeof value === 'number' ? Number(value) : NaN
  return Number.isFinite(read) && read > 0 ? read : null
}

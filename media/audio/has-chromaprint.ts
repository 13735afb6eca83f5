import { runAudioTool } from './run-audio-tool'

const checks = new Map<string, Promise<boolean>>()
const timeoutMs = 15_000

/**
 * Whether this ffmpeg was built with chromaprint. Checked once per process and path; without it only fingerprints are
 * missing.
 */
export function hasChromaprint(ffmpeg: string): Promise<boolean> {
  const known = checks.get(ffmpeg) ?? listMuxers(ffmpeg)
  checks.set(ffmpeg, known)
  return known
}

async function listMuxers(ffmpeg: string): Promise<boolean> {
  let muxers = ''
  const onStdout = (chunk: Buffer) => void (muxers += chunk.toString('latin1'))
  const limits = { timeoutMs, signal: new AbortController().signal }
  const succeeded = await runAudioTool(ffmpeg, ['-v', 'quiet', '-muxers'], limits, onStdout).catch(() => false)
  return succeeded && /^ +E +chromaprint /m.test(muxers)
}

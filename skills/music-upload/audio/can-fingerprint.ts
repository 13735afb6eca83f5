import { runTool } from './run-tool'

const answers = new Map<string, Promise<boolean>>()
const timeoutMs = 15_000

/** Whether this ffmpeg was built with chromaprint. Asked once per process; without it everything else works. */
export function canFingerprint(ffmpeg: string): Promise<boolean> {
  const known = answers.get(ffmpeg) ?? ask(ffmpeg)
  answers.set(ffmpeg, known)
  return known
}

async function ask(ffmpeg: string): Promise<boolean> {
  let listed = ''
  const take = (chunk: Buffer) => void (listed += chunk.toString('latin1'))
  const limits = { timeoutMs, signal: new AbortController().signal }
  const ended = await runTool(ffmpeg, ['-v', 'quiet', '-muxers'], limits, take).catch(() => false)
  return ended && /^ +E +chromaprint /m.test(listed)
}

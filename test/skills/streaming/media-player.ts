import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const protocols = ['-protocol_whitelist', 'http,tcp,file,pipe']

export interface PlayerOptions {
  /** As a Cookie header. */
  cookie?: string
}

const headersOf = ({ cookie }: PlayerOptions) => (cookie === undefined ? [] : ['-headers', `Cookie: ${cookie}\r\n`])

/** Decodes all audio at a URL with ffmpeg and returns its duration in seconds; rejects if the server refuses. */
export async function decodeDuration(ffmpeg: string, url: string, options: PlayerOptions = {}): Promise<number> {
  const input = [...protocols, ...headersOf(options), '-xerror', '-i', url]
  const raw = ['-vn', '-ac', '1', '-ar', '8000', '-f', 's16le', '-c:a', 'pcm_s16le', 'pipe:1']
  const { stdout } = await run(ffmpeg, ['-v', 'error', '-nostdin', ...input, ...raw], {
    encoding: 'buffer',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 10_000,
  })
  return stdout.length / 2 / 8_000
}

/** The codec of each stream that ffprobe finds at a URL. */
export async function probeCodecs(ffprobe: string, url: string, options: PlayerOptions = {}): Promise<string[]> {
  const shown = ['-show_entries', 'stream=codec_name', '-of', 'csv=p=0']
  const { stdout } = await run(ffprobe, ['-v', 'error', ...protocols, ...headersOf(options), ...shown, url])
  return stdout.split('\n').flatMap(line => line.trim() || [])
}

/** The absolute URLs in a playlist, as a player resolves them. */
export function playlistUrls(playlist: string, base: string): string[] {
  const uris = playlist.split('\n').flatMap(line => {
    if (line.startsWith('#')) return /URI="([^"]+)"/.exec(line)?.[1] ?? []
    return line.trim() || []
  })
  return uris.map(uri => new URL(uri, base).href)
}

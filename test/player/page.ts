import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

export interface PageOptions {
  api: string
  trackId: string
  /** How audio is delivered; without it the page plays nothing. */
  delivery?: 'url' | 'cookies'
  /** The access token of the user. */
  token: string
}

/** Serves a page with the client of `client/` and hls.js, from an origin other than those of the API and the edge. */
export async function servePage() {
  const scripts = new Map([
    ['/hls.js', await readFile(require.resolve('hls.js/dist/hls.min.js'))],
    ['/tutti.js', await clientScript()],
  ])
  const server = createServer((request, response) => {
    const script = scripts.get(request.url ?? '')
    response.writeHead(200, { 'content-type': script === undefined ? 'text/html' : 'text/javascript' })
    response.end(script ?? html)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    // In the fragment, so that the token is not part of the request for the page.
    addressFor: (options: PageOptions) => `${origin}/#${new URLSearchParams({ ...options }).toString()}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** The client, bundled as an application does: `Tutti.createClient`. */
async function clientScript(): Promise<Uint8Array> {
  const [script] = (
    await build({
      entryPoints: [join(resolve(__dirname, '..', '..'), 'client', 'index.ts')],
      ...{ bundle: true, format: 'iife', globalName: 'Tutti', platform: 'browser', target: 'es2022' },
      ...{ tsconfigRaw: {}, write: false, logLevel: 'silent' },
    })
  ).outputFiles
  if (script === undefined) throw new Error('esbuild produced no output')
  return script.contents
}

/** The test polls `report`; `sendAll` uploads files in all ways. */
const html = `<!doctype html><title>Player</title><audio></audio><script src="/hls.js"></script><script src="/tutti.js"></script><script>
const audio = document.querySelector('audio')
const params = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
const tutti = Tutti.createClient({ url: params.api, token: params.token })
let fault
window.report = () => ({
  fault,
  positionS: audio.currentTime,
  durationS: audio.duration || 0,
  bufferedS: audio.buffered.length ? audio.buffered.end(audio.buffered.length - 1) : 0,
  hasEnded: audio.ended,
})
window.skipTo = seconds => { audio.currentTime = seconds }
window.sendAll = async () => {
  const fields = { fileName: 'noise.wav', contentType: 'audio/wav' }
  const noise = sizeBytes => new File([crypto.getRandomValues(new Uint8Array(50_000)), new Uint8Array(sizeBytes)], 'noise.wav')
  const outcome = async sending => {
    const shares = []
    let uploadId
    const upload = await sending({
      onBegun: ({ id }) => { uploadId = id },
      onProgress: (sentBytes, totalBytes) => shares.push(sentBytes / totalBytes),
    }).catch(({ code }) => ({ code }))
    const { state } = await tutti.call('music-upload.getUpload', { uploadId })
    const rises = shares.every((share, index) => index === 0 || share > shares[index - 1])
    return { code: upload.code, wasSent: state !== 'initiated' && state !== 'aborted', rises, last: shares.at(-1) }
  }
  const large = noise(64 * 1024 * 1024)
  const cancelling = new AbortController()
  const whole = await outcome(options => tutti.upload(noise(3_000_000), fields, options))
  const parts = await outcome(options => tutti.upload(large, fields, options))
  const replacement = await outcome(options => tutti.replaceAudio(params.trackId, noise(1_000), fields, options))
  const cancelled = await outcome(options =>
    tutti.upload(large, fields, { ...options, signal: cancelling.signal, onProgress: () => cancelling.abort() }))
  await tutti.close()
  return { whole, parts, replacement, cancelled }
}
window.onerror = message => { fault = String(message) }
async function play() {
  const withCookies = params.delivery === 'cookies'
  const { hls: sound } = await tutti.call('streaming.grantStream', { trackId: params.trackId, delivery: params.delivery })
  const hls = new Hls({ xhrSetup: xhr => { xhr.withCredentials = withCookies } })
  hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) fault = error.type + ' ' + error.details })
  hls.loadSource(sound.url)
  hls.attachMedia(audio)
  audio.muted = true
  await audio.play()
}
if (params.delivery) play().catch(error => { fault = String(error) })
</script>`

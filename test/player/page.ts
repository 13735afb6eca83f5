import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'

export interface PlayWish {
  api: string
  trackId: string
  /** Plays nothing without. */
  delivery?: 'url' | 'cookies'
  /** Whose page it is. */
  token: string
}

/** A page of another origin than the API and the edge, as a product's own is, with the client of `client/` and hls.js. */
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
    // Behind the #, as tokens belong into no request for a page.
    addressFor: (wish: PlayWish) => `${origin}/#${new URLSearchParams({ ...wish }).toString()}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** As an application bundles it: `Tutti.createClient`. */
async function clientScript(): Promise<Uint8Array> {
  const [script] = (
    await build({
      entryPoints: [join(resolve(__dirname, '..', '..'), 'client', 'index.ts')],
      ...{ bundle: true, format: 'iife', globalName: 'Tutti', platform: 'browser', target: 'es2022' },
      ...{ tsconfigRaw: {}, write: false, logLevel: 'silent' },
    })
  ).outputFiles
  if (script === undefined) throw new Error('esbuild made nothing')
  return script.contents
}

/** `report` is what the test asks for, again and again; `sendAll` sends files in all ways. */
const html = `<!doctype html><title>Player</title><audio></audio><script src="/hls.js"></script><script src="/tutti.js"></script><script>
const audio = document.querySelector('audio')
const wish = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
const tutti = Tutti.createClient({ url: wish.api, token: wish.token })
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
    const told = []
    let uploadId
    const upload = await sending({
      onBegun: ({ id }) => { uploadId = id },
      onProgress: (sentBytes, totalBytes) => told.push(sentBytes / totalBytes),
    }).catch(({ code }) => ({ code }))
    const { state } = await tutti.call('music-upload.getUpload', { uploadId })
    const rises = told.every((share, index) => index === 0 || share > told[index - 1])
    return { code: upload.code, wasSent: state !== 'initiated' && state !== 'aborted', rises, last: told.at(-1) }
  }
  const large = noise(64 * 1024 * 1024)
  const cancelling = new AbortController()
  const whole = await outcome(options => tutti.upload(noise(3_000_000), fields, options))
  const parts = await outcome(options => tutti.upload(large, fields, options))
  const replacement = await outcome(options => tutti.replaceAudio(wish.trackId, noise(1_000), fields, options))
  const cancelled = await outcome(options =>
    tutti.upload(large, fields, { ...options, signal: cancelling.signal, onProgress: () => cancelling.abort() }))
  await tutti.close()
  return { whole, parts, replacement, cancelled }
}
window.onerror = message => { fault = String(message) }
async function play() {
  const withCookies = wish.delivery === 'cookies'
  const { hls: sound } = await tutti.call('streaming.grantStream', { trackId: wish.trackId, delivery: wish.delivery })
  const hls = new Hls({ xhrSetup: xhr => { xhr.withCredentials = withCookies } })
  hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) fault = error.type + ' ' + error.details })
  hls.loadSource(sound.url)
  hls.attachMedia(audio)
  audio.muted = true
  await audio.play()
}
if (wish.delivery) play().catch(error => { fault = String(error) })
</script>`

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'

export interface PlayWish {
  api: string
  trackId: string
  delivery: 'url' | 'cookies'
}

/** A page of another origin than the API and the edge, as a product's own is, with hls.js and nothing else. */
export async function servePage() {
  const player = await readFile(require.resolve('hls.js/dist/hls.min.js'))
  const server = createServer((request, response) => {
    const isPlayer = request.url === '/hls.js'
    response.writeHead(200, { 'content-type': isPlayer ? 'text/javascript' : 'text/html' })
    response.end(isPlayer ? player : html)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    addressFor: (wish: PlayWish) => `${origin}/?${new URLSearchParams({ ...wish }).toString()}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** `report` is what the test asks for, again and again. */
const html = `<!doctype html><title>Player</title><audio></audio><script src="/hls.js"></script><script>
const audio = document.querySelector('audio')
const wish = Object.fromEntries(new URLSearchParams(location.search))
let fault
window.report = () => ({
  fault,
  positionS: audio.currentTime,
  durationS: audio.duration || 0,
  bufferedS: audio.buffered.length ? audio.buffered.end(audio.buffered.length - 1) : 0,
  hasEnded: audio.ended,
})
window.skipTo = seconds => { audio.currentTime = seconds }
window.onerror = message => { fault = String(message) }
async function play() {
  const withCookies = wish.delivery === 'cookies'
  const asked = await fetch(wish.api + '/api/v1/tracks/' + wish.trackId + '/stream', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    credentials: withCookies ? 'include' : 'omit',
    body: JSON.stringify({ delivery: wish.delivery }),
  })
  const { data } = await asked.json()
  const hls = new Hls({ xhrSetup: xhr => { xhr.withCredentials = withCookies } })
  hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) fault = error.type + ' ' + error.details })
  hls.loadSource(data.hls.url)
  hls.attachMedia(audio)
  audio.muted = true
  await audio.play()
}
play().catch(error => { fault = String(error) })
</script>`

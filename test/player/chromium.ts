import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'

export interface PlaybackResult {
  error: string | undefined
  durationS: number
  bufferedS: number
  /** The playback position in s before the skip. */
  advancedS: number
  hasEnded: boolean
}

interface Report {
  fault?: string
  positionS: number
  durationS: number
  bufferedS: number
  hasEnded: boolean
}

const timeoutMs = 15_000

export async function findChromium(): Promise<string | undefined> {
  const { CHROMIUM_PATH, PATH = '' } = process.env
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']
  const candidates = PATH.split(delimiter).flatMap(folder => names.map(name => join(folder, name)))
  for (const path of CHROMIUM_PATH === undefined ? candidates : [CHROMIUM_PATH])
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path
  return undefined
}

/** Starts a headless browser and controls it over the DevTools protocol. */
export async function openBrowser(path: string, profile: string) {
  const quietArgs = ['--headless=new', '--mute-audio', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage']
  const profileArgs = [
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    '--autoplay-policy=no-user-gesture-required',
  ]
  // Chromium refuses to run as root with its sandbox. It opens only our own page.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = spawn(path, [...quietArgs, ...profileArgs, ...asRoot, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>(resolve => browser.once('exit', () => resolve()))
  const socket = new WebSocket(await endpointOf(browser.stderr))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  const send = createRpc(socket)

  const openPage = async (address: string) => {
    const { targetId } = await send<{ targetId: string }>('Target.createTarget', { url: address })
    const session = await send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
    return {
      evaluate: async <T>(expression: string): Promise<T | undefined> => {
        const params = { expression, returnByValue: true, awaitPromise: true }
        const { result } = await send<{ result: { value?: T } }>('Runtime.evaluate', params, session.sessionId)
        return result.value
      },
      close: () => send('Target.closeTarget', { targetId }),
    }
  }

  return {
    /** Waits for a function of a page, calls it and returns its result. */
    async answerOf<T>(address: string, name: string): Promise<T | undefined> {
      const { evaluate, close } = await openPage(address)
      const deadline = performance.now() + timeoutMs
      while (!(await evaluate(`'${name}' in window`)) && performance.now() < deadline) await pause(100)
      const answer = await evaluate<T>(`window.${name}()`)
      await close()
      return answer
    },

    /** Plays for a moment, skips to near the end and plays to the end. */
    async play(address: string, seconds: number): Promise<PlaybackResult> {
      const { evaluate, close } = await openPage(address)
      const reportOnce = async (holds: (report: Report) => boolean): Promise<Report> => {
        const deadline = performance.now() + timeoutMs
        for (;;) {
          const report = (await evaluate<Report>('window.report?.()')) ?? emptyReport
          if (report.fault !== undefined || holds(report) || performance.now() > deadline) return report
          await pause(100)
        }
      }
      await reportOnce(({ positionS }) => positionS > 0)
      const started = await reportOnce(({ positionS, bufferedS }) => positionS > 1 && bufferedS > seconds - 0.5)
      await evaluate(`window.skipTo(${seconds - 1.5})`)
      const { fault, durationS, bufferedS, hasEnded } = await reportOnce(report => report.hasEnded)
      await close()
      return { error: fault, durationS, bufferedS, advancedS: started.positionS, hasEnded }
    },

    [Symbol.asyncDispose]: async () => {
      socket.close()
      browser.kill()
      await ended
    },
  }
}

const emptyReport: Report = { positionS: 0, durationS: 0, bufferedS: 0, hasEnded: false }

async function endpointOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, endpoint] = /DevTools listening on (ws:\S+)/.exec(line) ?? []
    if (endpoint === undefined) continue
    // Keep reading, so that later output does not fill the pipe.
    output.resume()
    return endpoint
  }
  throw new Error('the browser exited before it was ready')
}

function createRpc(socket: WebSocket) {
  const pending = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  let lastId = 0
  socket.on('message', (data: Buffer) => {
    const { id, result, error } = JSON.parse(data.toString()) as {
      id?: number
      result: never
      error?: { message: string }
    }
    const call = id === undefined ? undefined : pending.get(id)
    if (call === undefined || id === undefined) return
    pending.delete(id)
    if (error === undefined) call.resolve(result)
    else call.reject(new Error(error.message))
  })
  return <T>(method: string, params: object, sessionId?: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = (lastId += 1)
      pending.set(id, { resolve, reject })
      socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
    })
}

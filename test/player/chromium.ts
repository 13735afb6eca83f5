import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'

export interface Heard {
  fault: string | undefined
  durationS: number
  bufferedS: number
  /** How far it came in the first two seconds. */
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

const patienceMs = 15_000

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

/** A browser without a window, spoken to over the DevTools protocol. */
export async function openBrowser(path: string, profile: string) {
  const quiet = ['--headless=new', '--mute-audio', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage']
  const open = ['--remote-debugging-port=0', `--user-data-dir=${profile}`, '--autoplay-policy=no-user-gesture-required']
  // A browser that root starts has no sandbox; it sees our own page and nothing else.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = spawn(path, [...quiet, ...open, ...asRoot, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>(resolve => browser.once('exit', () => resolve()))
  const socket = new WebSocket(await endpointOf(browser.stderr))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  const ask = asking(socket)

  const openPage = async (address: string) => {
    const { targetId } = await ask<{ targetId: string }>('Target.createTarget', { url: address })
    const session = await ask<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
    return {
      evaluate: async <T>(expression: string): Promise<T | undefined> => {
        const wish = { expression, returnByValue: true, awaitPromise: true }
        const { result } = await ask<{ result: { value?: T } }>('Runtime.evaluate', wish, session.sessionId)
        return result.value
      },
      close: () => ask('Target.closeTarget', { targetId }),
    }
  }

  return {
    /** What a function of a page answers, once it is there. */
    async answerOf<T>(address: string, name: string): Promise<T | undefined> {
      const { evaluate, close } = await openPage(address)
      const deadline = performance.now() + patienceMs
      while (!(await evaluate(`'${name}' in window`)) && performance.now() < deadline) await pause(100)
      const answer = await evaluate<T>(`window.${name}()`)
      await close()
      return answer
    },

    /** Plays for a moment, skips to near the end and hears that out. */
    async play(address: string, seconds: number): Promise<Heard> {
      const { evaluate, close } = await openPage(address)
      const reportOnce = async (holds: (report: Report) => boolean): Promise<Report> => {
        const deadline = performance.now() + patienceMs
        for (;;) {
          const report = (await evaluate<Report>('window.report?.()')) ?? nothingYet
          if (report.fault !== undefined || holds(report) || performance.now() > deadline) return report
          await pause(100)
        }
      }
      await reportOnce(({ positionS }) => positionS > 0)
      const begun = await reportOnce(({ positionS, bufferedS }) => positionS > 1 && bufferedS > seconds - 0.5)
      await evaluate(`window.skipTo(${seconds - 1.5})`)
      const { fault, durationS, bufferedS, hasEnded } = await reportOnce(report => report.hasEnded)
      await close()
      return { fault, durationS, bufferedS, advancedS: begun.positionS, hasEnded }
    },

    [Symbol.asyncDispose]: async () => {
      socket.close()
      browser.kill()
      await ended
    },
  }
}

const nothingYet: Report = { positionS: 0, durationS: 0, bufferedS: 0, hasEnded: false }

async function endpointOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, endpoint] = /DevTools listening on (ws:\S+)/.exec(line) ?? []
    if (endpoint === undefined) continue
    // What it says later is nothing to us, but must not fill the pipe.
    output.resume()
    return endpoint
  }
  throw new Error('the browser ended before it listened')
}

function asking(socket: WebSocket) {
  const waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  let asked = 0
  socket.on('message', (data: Buffer) => {
    const { id, result, error } = JSON.parse(data.toString()) as {
      id?: number
      result: never
      error?: { message: string }
    }
    const question = id === undefined ? undefined : waiting.get(id)
    if (question === undefined || id === undefined) return
    waiting.delete(id)
    if (error === undefined) question.resolve(result)
    else question.reject(new Error(error.message))
  })
  return <T>(method: string, params: object, sessionId?: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = (asked += 1)
      waiting.set(id, { resolve, reject })
      socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
    })
}

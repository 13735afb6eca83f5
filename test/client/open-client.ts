import { type Client, type ClientOptions, createClient, type TuttiEvent, TuttiProblem } from '../../client'

export interface TestClient extends Client, Disposable {
  /** The calls of `onProblem`. */
  problems: { code: string; channel?: string | undefined }[]
  /** The transports that channels used, in order. */
  transports: (string | undefined)[]
}

/** Creates a client that is closed at the end of its block. */
export function openClient(options: ClientOptions): TestClient {
  const problems: TestClient['problems'] = []
  const transports: TestClient['transports'] = []
  const onProblem = ({ code }: TuttiProblem, channel?: string) => void problems.push({ code, channel })
  const onTransport = (transport?: string) => void transports.push(transport)
  const client = createClient({ onProblem, onTransport, ...options })
  return { ...client, problems, transports, [Symbol.dispose]: () => void client.close() }
}

/** The problem that a call rejects with. */
export async function problemOf(call: Promise<unknown>): Promise<TuttiProblem> {
  const outcome = await call.catch((error: unknown) => error)
  if (outcome instanceof TuttiProblem) return outcome
  throw new Error(`expected a problem, got ${JSON.stringify(outcome)}`)
}

/** Sets the back-off delay to 0 until mocks are restored, unless the server sends a delay. */
export const withoutBackoff = (): void => void jest.spyOn(Math, 'random').mockReturnValue(0)

/** Waits until `holds` is true. */
export async function waitUntil(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 800) throw new Error(`timed out waiting until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A listener that records events. */
export function createListener() {
  const events: TuttiEvent[] = []
  const names = () => events.map(({ name }) => name)
  const offsets = () => events.map(({ offset }) => offset)
  /** The numbers of `test.numberEmitted` events. */
  const numbers = () => events.map(({ data }) => ('n' in data ? data.n : undefined))
  return { events, names, offsets, numbers, record: (event: TuttiEvent) => void events.push(event) }
}

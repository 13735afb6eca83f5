import { type Client, type ClientOptions, createClient, type TuttiEvent, TuttiProblem } from '../../client'

export interface TestClient extends Client, Disposable {
  /** What `onProblem` has heard. */
  problems: { code: string; channel?: string | undefined }[]
  /** What channels went over, one after the other. */
  ways: (string | undefined)[]
}

/** A client that is closed at the end of its block. */
export function openClient(options: ClientOptions): TestClient {
  const problems: TestClient['problems'] = []
  const ways: TestClient['ways'] = []
  const onProblem = ({ code }: TuttiProblem, channel?: string) => void problems.push({ code, channel })
  const onTransport = (transport?: string) => void ways.push(transport)
  const client = createClient({ onProblem, onTransport, ...options })
  return { ...client, problems, ways, [Symbol.dispose]: () => void client.close() }
}

/** The problem that a call ends with. */
export async function problemOf(call: Promise<unknown>): Promise<TuttiProblem> {
  const outcome = await call.catch((error: unknown) => error)
  if (outcome instanceof TuttiProblem) return outcome
  throw new Error(`no problem but ${JSON.stringify(outcome)}`)
}

/** Until mocks are restored nobody waits before they try again, unless the server says for how long. */
export const withoutPauses = (): void => void jest.spyOn(Math, 'random').mockReturnValue(0)

/** Comes back when `holds` does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 800) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A listener that keeps what it hears. */
export function listener() {
  const events: TuttiEvent[] = []
  const names = () => events.map(({ name }) => name)
  const offsets = () => events.map(({ offset }) => offset)
  /** Of events that only say their number. */
  const numbers = () => events.map(({ data }) => ('n' in data ? data.n : undefined))
  return { events, names, offsets, numbers, hear: (event: TuttiEvent) => void events.push(event) }
}

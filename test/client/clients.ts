import { type Client, type ClientOptions, createClient, type TuttiEvent, TuttiProblem } from '../../client'

export interface TestClient extends Client, Disposable {
  /** What `onProblem` has heard. */
  problems: { code: string; channel?: string | undefined }[]
}

/** A client that is closed at the end of its block. */
export function openClient(options: ClientOptions): TestClient {
  const problems: TestClient['problems'] = []
  const onProblem = ({ code }: TuttiProblem, channel?: string) => void problems.push({ code, channel })
  const client = createClient({ onProblem, ...options })
  return { ...client, problems, [Symbol.dispose]: () => client.close() }
}

/** The problem that a call ends with. */
export async function problemOf(call: Promise<unknown>): Promise<TuttiProblem> {
  const outcome = await call.catch((error: unknown) => error)
  if (outcome instanceof TuttiProblem) return outcome
  throw new Error(`no problem but ${JSON.stringify(outcome)}`)
}

/** Comes back when `holds` does. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 400) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A listener that keeps what it hears. */
export function listener() {
  const events: TuttiEvent[] = []
  const names = () => events.map(({ name }) => name)
  return { events, names, hear: (event: TuttiEvent) => void events.push(event) }
}

import * as fc from 'fast-check'
import { ChannelReader, type Snapshot } from '../../client/channels/channel-reader'
import { bufferedEventsMax } from '../../client/channels/sequence'
import { type CatchUp, type Frame, type Position, type ChannelEvent } from '../../client/channels/frames'
import { Timers } from '../../client/timers'

/** 10,000 cases take too long for every run; CLIENT_CASES sets the number. */
const cases = Number(process.env.CLIENT_CASES ?? 4_000)
const pageMax = 3
const keys = 4

type State = Record<string, number>

/** A minimal server: a log with an epoch, and the state that its events describe. */
class Server {
  epochs = 0
  top = 0
  trimmed = 0
  log: ChannelEvent[] = []
  state: State = {}
  private values = 0

  get epoch(): string {
    return `e${this.epochs}`
  }

  emit(count: number): Frame {
    const events = Array.from({ length: count }, (): ChannelEvent => {
      this.top += 1
      this.values += 1
      const data = { key: `k${this.values % keys}`, value: this.values }
      this.state = { ...this.state, [data.key]: data.value }
      return { offset: this.top, id: `${this.epoch}-${this.top}`, name: 'changed', at: '', data }
    })
    this.log.push(...events)
    return { epoch: this.epoch, events }
  }

  /** As after a restore: the newest events may be lost, and earlier offsets are invalid. */
  changeEpoch(top: number): void {
    this.epochs += 1
    this.top = top
    this.trimmed = top
    this.log = []
    this.values += 1
    this.state = { k0: this.values }
  }

  forget(count: number): void {
    this.trimmed = Math.min(this.trimmed + count, this.top)
    this.log = this.log.filter(({ offset }) => offset > this.trimmed)
  }

  /** A node may be some events behind, which it sends as frames later. */
  read(after: Position | undefined, behind = 0): CatchUp {
    const { epoch } = this
    const top = Math.max(this.top - behind, this.trimmed)
    const recovered = after?.epoch === epoch && after.offset >= this.trimmed && after.offset <= this.top
    const left = recovered ? this.log.filter(({ offset }) => offset > after.offset && offset <= top) : []
    return {
      epoch,
      latestOffset: top,
      recovered,
      events: left.slice(0, pageMax),
      hasMore: left.length > pageMax,
      state: {},
    }
  }
}

/** The state of an application that applies what it receives. */
class Application {
  state: State = {}
  position: Position | undefined
  restarts = 0
  violation: string | undefined

  restart(position: Position, snapshot?: Snapshot): void {
    this.position = position
    this.restarts += 1
    if (snapshot !== undefined) this.state = snapshot.data as State
  }

  receive(events: readonly ChannelEvent[], epoch: string): void {
    for (const { offset, id, data } of events) {
      if (this.position?.epoch !== epoch || offset !== this.position.offset + 1 || id !== `${epoch}-${offset}`)
        this.violation ??= `${id} after ${JSON.stringify(this.position)}`
      this.position = { epoch, offset }
      const { key, value } = data as { key: string; value: number }
      this.state = { ...this.state, [key]: value }
    }
  }
}

/** Receives frames and requests events. */
interface Follower {
  receive(frame: Frame): void
  catchUp(): unknown
}

type MakeFollower = (link: {
  requestEvents: (after: Position | undefined) => Promise<CatchUp>
  takeSnapshot: () => Promise<Snapshot | undefined>
  withSnapshots: boolean
  application: Application
}) => Follower

const readerFollower: MakeFollower = ({ requestEvents, takeSnapshot, withSnapshots, application }) => {
  const timers = new Timers()
  timers.pause = () => Promise.resolve()
  return new ChannelReader(
    {
      timers,
      requestEvents,
      takeSnapshot,
      onEvents: (events, epoch) => application.receive(events, epoch),
      onRestart: ({ position, snapshot }) => application.restart(position, snapshot),
      onAnswer: () => undefined,
      onCurrent: () => undefined,
      onProblem: () => true,
    },
    undefined,
    withSnapshots,
  )
}

/** A naive client: it applies whatever arrives. */
const naiveFollower: MakeFollower = ({ requestEvents, takeSnapshot, application }) => ({
  receive: ({ events, epoch }) => application.receive(events, epoch),
  catchUp: async () => {
    if (application.position === undefined) {
      const snapshot = await takeSnapshot()
      if (snapshot !== undefined) application.restart(snapshot.position, snapshot)
    }
    const { events, epoch } = await requestEvents(application.position)
    application.receive(events, epoch)
  },
})

const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('emit' as const), n: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver' as const), n: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), n: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('double' as const), n: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), n: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), n: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('switch' as const), n: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('behind' as const), n: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('epoch' as const), n: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), n: fc.nat(6) }) },
)
type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never

/** At the end everything arrives; then an event follows, or the connection is reopened, or nothing happens. */
type Ending = 'event' | 'resume' | 'quiet'

interface PendingRequest {
  /** The server reads at some moment between request and response. */
  read(): void
  answer(): void
  fail(): void
}

/** Runs all pending microtasks. */
async function runMicrotasks(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve()
}

/** Runs a script; returns what went wrong. */
async function runScript(
  makeFollower: MakeFollower,
  { script, withSnapshots, ending }: { script: readonly Step[]; withSnapshots: boolean; ending: Ending },
): Promise<string | undefined> {
  const server = new Server()
  const application = new Application()
  const frames: Frame[] = []
  const pending: PendingRequest[] = []
  /** Over a streaming transport, everything after the position follows as frames. */
  let streams = false
  let behind = 0

  const addRequest = <T>(read: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      let found: { value: T } | undefined
      const request: PendingRequest = {
        read: () => (found ??= { value: read() }),
        answer: () => resolve((found ?? { value: read() }).value),
        fail: () => reject(new Error('lost')),
      }
      pending.push(request)
    })
  const requestEvents = async (after: Position | undefined) => {
    const isStream = streams
    return addRequest(() => {
      if (!isStream) return server.read(after, behind)
      let page = server.read(after)
      const first = page
      while (page.recovered && page.events.length > 0) {
        frames.push(page)
        page = server.read({ epoch: page.epoch, offset: page.events.at(-1)?.offset ?? 0 })
      }
      return { ...first, events: [], hasMore: false, eventsFollow: true }
    })
  }
  /** Takes the position first, then the state: events in between are in both. */
  const takeSnapshot = async () => {
    if (!withSnapshots) return undefined
    const position = { epoch: server.epoch, offset: server.top }
    return addRequest(() => ({
      position: position.epoch === server.epoch ? position : { epoch: server.epoch, offset: server.top },
      data: server.state,
    }))
  }
  const follower = makeFollower({ requestEvents, takeSnapshot, withSnapshots, application })
  const takeFrom = <T>(list: T[], n: number): T[] => (list.length === 0 ? [] : list.splice(n % list.length, 1))
  const actions: Record<Step['do'], (n: number) => unknown> = {
    emit: n => frames.push(server.emit(n)),
    deliver: n => {
      for (const frame of takeFrom(frames, n)) follower.receive(frame)
    },
    drop: n => takeFrom(frames, n),
    double: n => frames.push(...frames.slice(n, n + 1)),
    read: n => pending[n]?.read(),
    answer: n => {
      for (const request of takeFrom(pending, n)) request.answer()
    },
    fail: n => {
      for (const request of takeFrom(pending, n)) request.fail()
    },
    switch: n => {
      streams = n === 0
      void follower.catchUp()
    },
    behind: n => (behind = n),
    epoch: n => server.changeEpoch(n),
    forget: n => server.forget(n),
  }
  void follower.catchUp()
  for (const { do: name, n } of script) {
    await runMicrotasks()
    actions[name](n)
  }
  behind = 0
  const deliverAll = async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      await runMicrotasks()
      if (frames.length + pending.length === 0) return
      actions.deliver(0)
      actions.answer(0)
    }
    await runMicrotasks()
  }
  await deliverAll()
  if (ending === 'event') actions.emit(1)
  if (ending === 'resume') void follower.catchUp()
  await deliverAll()
  if (ending === 'quiet' && mayHaveMissed(script)) return application.violation
  if (pending.length > 0) return 'it never stops requesting'
  const losses = script.filter(step => step.do === 'epoch' || step.do === 'forget').length
  if (application.restarts > 1 + losses) return `it restarted ${application.restarts} times`
  if (application.violation !== undefined) return application.violation
  const { epoch, top, state } = server
  const isAtTop = application.position?.epoch === epoch && application.position.offset === top
  if (!isAtTop) return `stopped at ${JSON.stringify(application.position)} of ${epoch}:${top}`
  if (!withSnapshots) return undefined
  const isSame = JSON.stringify(sorted(application.state)) === JSON.stringify(sorted(state))
  return isSame ? undefined : `${JSON.stringify(application.state)} is not ${JSON.stringify(state)}`
}

/** Whether the last frame of the script is lost. */
const mayHaveMissed = (script: readonly Step[]): boolean => {
  const actions = script.map(step => step.do)
  return actions.includes('drop') || actions.lastIndexOf('epoch') >= actions.lastIndexOf('emit')
}

const sorted = (state: State) => Object.entries(state).sort(([a], [b]) => a.localeCompare(b))

const property = (makeFollower: MakeFollower) =>
  fc.asyncProperty(
    fc.record({
      script: fc.array(steps, { maxLength: 40 }),
      withSnapshots: fc.boolean(),
      ending: fc.constantFrom<Ending>('event', 'resume', 'quiet'),
    }),
    async run => expect(await runScript(makeFollower, run)).toBeUndefined(),
  )

/** A reader at a known position, and its requests. */
async function startReader(position: Position) {
  const requests: { after: Position | undefined; answer: (answer: CatchUp) => void }[] = []
  const application = new Application()
  application.position = position
  const requestEvents = (after: Position | undefined) =>
    new Promise<CatchUp>(answer => {
      requests.push({ after, answer })
    })
  const follower = readerFollower({
    requestEvents,
    takeSnapshot: async () => undefined,
    withSnapshots: false,
    application,
  })
  void follower.catchUp()
  await runMicrotasks()
  requests.shift()?.answer({
    epoch: position.epoch,
    latestOffset: position.offset,
    events: [],
    recovered: false,
    hasMore: false,
    state: {},
  })
  await runMicrotasks()
  return { follower, requests, application }
}

describe('for any order of frames, responses, epochs and transports', () => {
  it("delivers every event once, in order, and ends with the server's state", async () => {
    await fc.assert(property(readerFollower), { numRuns: cases })
  }, 600_000)

  it('detects a client that applies whatever arrives', async () => {
    expect((await fc.check(property(naiveFollower), { numRuns: 200 })).failed).toBe(true)
  })

  it('requests again after a response that leaves a gap, as from a node that is behind', async () => {
    const server = new Server()
    const { follower, requests } = await startReader({ epoch: 'e0', offset: 0 })
    server.emit(2)
    follower.receive(server.emit(1))
    await runMicrotasks()
    requests.shift()?.answer(server.read({ epoch: 'e0', offset: 0 }, 2))
    await runMicrotasks()
    expect(requests.map(({ after }) => after)).toEqual([{ epoch: 'e0', offset: 1 }])
    requests.shift()?.answer(server.read({ epoch: 'e0', offset: 1 }))
    await runMicrotasks()
    expect(requests).toEqual([])
  })

  it('requests once more after a response that was read before the epoch changed', async () => {
    const server = new Server()
    const { follower, requests, application } = await startReader({ epoch: 'e0', offset: 0 })
    void follower.catchUp()
    await runMicrotasks()
    const early = server.read({ epoch: 'e0', offset: 0 })
    server.changeEpoch(7)
    follower.receive(server.emit(1))
    requests.shift()?.answer(early)
    await runMicrotasks()
    requests.shift()?.answer(server.read({ epoch: 'e0', offset: 0 }))
    await runMicrotasks()
    requests.shift()?.answer(server.read({ epoch: 'e1', offset: 8 }))
    await runMicrotasks()
    expect(requests).toEqual([])
    expect(application.position).toEqual({ epoch: 'e1', offset: 8 })
  })

  it('limits its buffer while it waits, and requests the dropped events', async () => {
    const server = new Server()
    const { follower, requests, application } = await startReader({ epoch: 'e0', offset: 0 })
    server.emit(1)
    for (let count = 0; count < bufferedEventsMax; count += 50) follower.receive(server.emit(50))
    const [early] = [server.read({ epoch: 'e0', offset: 0 })]
    follower.receive(server.emit(1))
    await runMicrotasks()
    requests.shift()?.answer({ ...early, events: early.events.slice(0, 1), hasMore: false })
    await runMicrotasks()
    expect(application.position).toEqual({ epoch: 'e0', offset: 1 })
    expect(requests.map(({ after }) => after)).toEqual([{ epoch: 'e0', offset: 1 }])
  })

  it('keeps events that a stream sends right after its first message', async () => {
    const { follower, requests, application } = await startReader({ epoch: 'e0', offset: 0 })
    void follower.catchUp()
    await runMicrotasks()
    const [{ answer } = { answer: () => undefined }] = requests.splice(0)
    const server = new Server()
    const [one, two] = [server.emit(1), server.emit(1)]
    // Received over the previous transport first; it is repeated.
    follower.receive(two)
    answer({ epoch: 'e0', latestOffset: 0, events: [], recovered: true, hasMore: false, state: {}, eventsFollow: true })
    follower.receive(one)
    follower.receive(two)
    await runMicrotasks()
    expect(application.position).toEqual({ epoch: 'e0', offset: 2 })
    expect(requests).toEqual([])
  })
})

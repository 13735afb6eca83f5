import * as fc from 'fast-check'
import { ChannelReader, type Snapshot } from '../../client/channels/channel-reader'
import { bufferedEventsMax } from '../../client/channels/sequence'
import { type CatchUp, type Frame, type Position, type StreamEvent } from '../../client/channels/frames'
import { Timers } from '../../client/timers'

/** F14 of the research: 10^5 cases; a tenth of them here. */
const cases = Number(process.env.CLIENT_CASES ?? 4_000)
const pageMax = 3
const keys = 4

type State = Record<string, number>

/** The server, in thirty lines: a log with an epoch, and the state that its events speak of. */
class Server {
  epochs = 0
  top = 0
  kept = 0
  log: StreamEvent[] = []
  state: State = {}
  private values = 0

  get epoch(): string {
    return `e${this.epochs}`
  }

  announce(count: number): Frame {
    const events = Array.from({ length: count }, (): StreamEvent => {
      this.top += 1
      this.values += 1
      const data = { key: `k${this.values % keys}`, value: this.values }
      this.state = { ...this.state, [data.key]: data.value }
      return { offset: this.top, id: `${this.epoch}-${this.top}`, name: 'changed', at: '', data }
    })
    this.log.push(...events)
    return { epoch: this.epoch, events }
  }

  /** After a restore: what was said last may never have been, and the offsets of before mean nothing. */
  changeEpoch(top: number): void {
    this.epochs += 1
    this.top = top
    this.kept = top
    this.log = []
    this.values += 1
    this.state = { k0: this.values }
  }

  forget(count: number): void {
    this.kept = Math.min(this.kept + count, this.top)
    this.log = this.log.filter(({ offset }) => offset > this.kept)
  }

  /** A node may be behind by some events, which it will tell as frames. */
  read(after: Position | undefined, behind = 0): CatchUp {
    const { epoch } = this
    const top = Math.max(this.top - behind, this.kept)
    const recovered = after?.epoch === epoch && after.offset >= this.kept && after.offset <= this.top
    const left = recovered ? this.log.filter(({ offset }) => offset > after.offset && offset <= top) : []
    return { epoch, top, recovered, events: left.slice(0, pageMax), more: left.length > pageMax, state: {} }
  }
}

/** What somebody who is told makes of it. */
class Application {
  state: State = {}
  place: Position | undefined
  restarts = 0
  wrong: string | undefined

  restart(position: Position, snapshot?: Snapshot): void {
    this.place = position
    this.restarts += 1
    if (snapshot !== undefined) this.state = snapshot.data as State
  }

  receive(events: readonly StreamEvent[], epoch: string): void {
    for (const { offset, id, data } of events) {
      if (this.place?.epoch !== epoch || offset !== this.place.offset + 1 || id !== `${epoch}-${offset}`)
        this.wrong ??= `${id} after ${JSON.stringify(this.place)}`
      this.place = { epoch, offset }
      const { key, value } = data as { key: string; value: number }
      this.state = { ...this.state, [key]: value }
    }
  }
}

/** Something that hears frames and asks. */
interface Follower {
  receive(frame: Frame): void
  catchUp(): unknown
}

type MakeFollower = (link: {
  ask: (after: Position | undefined) => Promise<CatchUp>
  takeSnapshot: () => Promise<Snapshot | undefined>
  withSnapshots: boolean
  application: Application
}) => Follower

const reader: MakeFollower = ({ ask, takeSnapshot, withSnapshots, application }) => {
  const timers = new Timers()
  timers.pause = () => Promise.resolve()
  return new ChannelReader(
    {
      timers,
      requestEvents: ask,
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

/** As most clients are: what arrives is applied. */
const believer: MakeFollower = ({ ask, takeSnapshot, application }) => ({
  receive: ({ events, epoch }) => application.receive(events, epoch),
  catchUp: async () => {
    if (application.place === undefined) {
      const snapshot = await takeSnapshot()
      if (snapshot !== undefined) application.restart(snapshot.position, snapshot)
    }
    const { events, epoch } = await ask(application.place)
    application.receive(events, epoch)
  },
})

const steps = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('announce' as const), n: fc.integer({ min: 1, max: 5 }) }) },
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

/** In the end everything arrives; then another event comes, or the connection is made anew, or nothing more happens. */
type Ending = 'event' | 'resume' | 'quiet'

interface Question {
  /** What the server does: it reads, at some moment between question and answer. */
  read(): void
  answer(): void
  fail(): void
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 12; turns += 1) await Promise.resolve()
}

/** Plays a script; answers what went wrong. */
async function play(
  make: MakeFollower,
  { script, withSnapshots, ending }: { script: readonly Step[]; withSnapshots: boolean; ending: Ending },
): Promise<string | undefined> {
  const server = new Server()
  const application = new Application()
  const frames: Frame[] = []
  const questions: Question[] = []
  /** Over one that streams, everything after the place follows as frames. */
  let streams = false
  let behind = 0

  const asking = <T>(read: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      let found: { value: T } | undefined
      const question: Question = {
        read: () => (found ??= { value: read() }),
        answer: () => resolve((found ?? { value: read() }).value),
        fail: () => reject(new Error('lost')),
      }
      questions.push(question)
    })
  const ask = async (after: Position | undefined) => {
    const isStream = streams
    return asking(() => {
      if (!isStream) return server.read(after, behind)
      let page = server.read(after)
      const first = page
      while (page.recovered && page.events.length > 0) {
        frames.push(page)
        page = server.read({ epoch: page.epoch, offset: page.events.at(-1)?.offset ?? 0 })
      }
      return { ...first, events: [], more: false, eventsFollow: true }
    })
  }
  /** The position first, then the state: events in between are in both. */
  const takeSnapshot = async () => {
    if (!withSnapshots) return undefined
    const position = { epoch: server.epoch, offset: server.top }
    return asking(() => ({
      position: position.epoch === server.epoch ? position : { epoch: server.epoch, offset: server.top },
      data: server.state,
    }))
  }
  const follower = make({ ask, takeSnapshot, withSnapshots, application })
  const taken = <T>(list: T[], n: number): T[] => (list.length === 0 ? [] : list.splice(n % list.length, 1))
  const acts: Record<Step['do'], (n: number) => unknown> = {
    announce: n => frames.push(server.announce(n)),
    deliver: n => {
      for (const frame of taken(frames, n)) follower.receive(frame)
    },
    drop: n => taken(frames, n),
    double: n => frames.push(...frames.slice(n, n + 1)),
    read: n => questions[n]?.read(),
    answer: n => {
      for (const question of taken(questions, n)) question.answer()
    },
    fail: n => {
      for (const question of taken(questions, n)) question.fail()
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
    await settle()
    acts[name](n)
  }
  behind = 0
  const drain = async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      await settle()
      if (frames.length + questions.length === 0) return
      acts.deliver(0)
      acts.answer(0)
    }
    await settle()
  }
  await drain()
  if (ending === 'event') acts.announce(1)
  if (ending === 'resume') void follower.catchUp()
  await drain()
  if (ending === 'quiet' && mayHaveMissed(script)) return application.wrong
  if (questions.length > 0) return 'it asks and asks'
  const losses = script.filter(step => step.do === 'epoch' || step.do === 'forget').length
  if (application.restarts > 1 + losses) return `it began anew ${application.restarts} times`
  if (application.wrong !== undefined) return application.wrong
  const { epoch, top, state } = server
  const isAtTop = application.place?.epoch === epoch && application.place.offset === top
  if (!isAtTop) return `stopped at ${JSON.stringify(application.place)} of ${epoch}:${top}`
  if (!withSnapshots) return undefined
  const isSame = JSON.stringify(sorted(application.state)) === JSON.stringify(sorted(state))
  return isSame ? undefined : `${JSON.stringify(application.state)} is not ${JSON.stringify(state)}`
}

/** Whether the last that a script says to a follower is lost. */
const mayHaveMissed = (script: readonly Step[]): boolean => {
  const said = script.map(step => step.do)
  return said.includes('drop') || said.lastIndexOf('epoch') >= said.lastIndexOf('announce')
}

const sorted = (state: State) => Object.entries(state).sort(([a], [b]) => a.localeCompare(b))

const property = (make: MakeFollower) =>
  fc.asyncProperty(
    fc.record({
      script: fc.array(steps, { maxLength: 40 }),
      withSnapshots: fc.boolean(),
      ending: fc.constantFrom<Ending>('event', 'resume', 'quiet'),
    }),
    async run => expect(await play(make, run)).toBeUndefined(),
  )

/** A reader that is where the first answer put it, and what it asks. */
async function begun(place: Position) {
  const asked: { after: Position | undefined; answer: (answer: CatchUp) => void }[] = []
  const application = new Application()
  application.place = place
  const ask = (after: Position | undefined) =>
    new Promise<CatchUp>(answer => {
      asked.push({ after, answer })
    })
  const follower = reader({ ask, takeSnapshot: async () => undefined, withSnapshots: false, application })
  void follower.catchUp()
  await settle()
  asked.shift()?.answer({ epoch: place.epoch, top: place.offset, events: [], recovered: false, more: false, state: {} })
  await settle()
  return { follower, asked, application }
}

describe('whatever frames, answers, epochs and transports do', () => {
  it('every event is given once, in order, and state and events end where the server is', async () => {
    await fc.assert(property(reader), { numRuns: cases })
  }, 600_000)

  it('which one who believes what arrives does not reach', async () => {
    expect((await fc.check(property(believer), { numRuns: 200 })).failed).toBe(true)
  })

  it('it asks again after an answer that leaves a hole, as from a node that is behind', async () => {
    const server = new Server()
    const { follower, asked } = await begun({ epoch: 'e0', offset: 0 })
    server.announce(2)
    follower.receive(server.announce(1))
    await settle()
    asked.shift()?.answer(server.read({ epoch: 'e0', offset: 0 }, 2))
    await settle()
    expect(asked.map(({ after }) => after)).toEqual([{ epoch: 'e0', offset: 1 }])
    asked.shift()?.answer(server.read({ epoch: 'e0', offset: 1 }))
    await settle()
    expect(asked).toEqual([])
  })

  it('it asks again after an answer that was read before the epoch of what it heard, and once', async () => {
    const server = new Server()
    const { follower, asked, application } = await begun({ epoch: 'e0', offset: 0 })
    void follower.catchUp()
    await settle()
    const early = server.read({ epoch: 'e0', offset: 0 })
    server.changeEpoch(7)
    follower.receive(server.announce(1))
    asked.shift()?.answer(early)
    await settle()
    asked.shift()?.answer(server.read({ epoch: 'e0', offset: 0 }))
    await settle()
    asked.shift()?.answer(server.read({ epoch: 'e1', offset: 8 }))
    await settle()
    expect(asked).toEqual([])
    expect(application.place).toEqual({ epoch: 'e1', offset: 8 })
  })

  it('it keeps no more than it may while it waits, and asks for what it let go', async () => {
    const server = new Server()
    const { follower, asked, application } = await begun({ epoch: 'e0', offset: 0 })
    server.announce(1)
    for (let heard = 0; heard < bufferedEventsMax; heard += 50) follower.receive(server.announce(50))
    const [early] = [server.read({ epoch: 'e0', offset: 0 })]
    follower.receive(server.announce(1))
    await settle()
    asked.shift()?.answer({ ...early, events: early.events.slice(0, 1), more: false })
    await settle()
    expect(application.place).toEqual({ epoch: 'e0', offset: 1 })
    expect(asked.map(({ after }) => after)).toEqual([{ epoch: 'e0', offset: 1 }])
  })

  it('it loses nothing that a stream says right behind its first message', async () => {
    const { follower, asked, application } = await begun({ epoch: 'e0', offset: 0 })
    void follower.catchUp()
    await settle()
    const [{ answer } = { answer: () => undefined }] = asked.splice(0)
    const server = new Server()
    const [one, two] = [server.announce(1), server.announce(1)]
    // Over the transport before: it comes again.
    follower.receive(two)
    answer({ epoch: 'e0', top: 0, events: [], recovered: true, more: false, state: {}, eventsFollow: true })
    follower.receive(one)
    follower.receive(two)
    await settle()
    expect(application.place).toEqual({ epoch: 'e0', offset: 2 })
    expect(asked).toEqual([])
  })
})

import { type AnswerOf, type AnyOperation, type InputOf } from '../../kernel/operation'
import { type Position, type StreamEvent, type StreamState } from '../../kernel/stream'
import { until } from '../kernel/until'
import { type Door, type Person, Refused, type Reply } from '../people'
import { type TestWorld } from '../world'
import { Follower } from './follower'

export type Place = Position & { channel: string }

/** What a snapshot operation answers. */
export interface Taken<S> {
  data: S
  place: Place
}

/** What a client shows, and the channels that it follows from there on. */
export interface Fresh<S> {
  state: S
  places: readonly Place[]
}

/** How a client keeps what it shows up to date: pure, absolute values, nothing asked. */
export interface Rules<S> {
  apply(this: void, state: S, event: StreamEvent, channel: string): S
  /** The newest values of a channel. */
  keep?(this: void, state: S, values: StreamState): S
}

/** A client's copy of something: an old snapshot and all that was heard since. */
export class Mirror<S> implements AsyncDisposable {
  readonly followers: readonly Follower[]

  private constructor(
    public state: S,
    { places }: Fresh<S>,
    { apply, keep }: Rules<S>,
    wish: { token: string; urls: readonly string[] },
  ) {
    this.followers = places.map(
      ({ channel, epoch, offset }) =>
        new Follower({
          ...{ ...wish, channel, after: { epoch, offset } },
          onEvent: event => (this.state = apply(this.state, event, channel)),
          onState: values => {
            if (keep !== undefined) this.state = keep(this.state, values)
          },
        }),
    )
  }

  static async open<S>({ nodes }: TestWorld, { token }: Person, fresh: Fresh<S>, rules: Rules<S>): Promise<Mirror<S>> {
    const mirror = new Mirror(fresh.state, fresh, rules, { token, urls: nodes.map(({ url }) => url) })
    await mirror.comeBack()
    return mirror
  }

  /** Loses its connections and goes on after what it has applied. */
  async comeBack(): Promise<void> {
    await Promise.all(this.followers.map(follower => follower.comeBack()))
  }

  /** Resolves once it has heard all that a fresh snapshot may hold. */
  async reaches({ places }: Fresh<S>): Promise<void> {
    const isBehind = (follower: Follower, place: Place | undefined) =>
      place !== undefined && (follower.place.offset < place.offset || follower.place.epoch !== place.epoch)
    await until(() => !this.followers.some((follower, index) => isBehind(follower, places[index])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.followers) await follower[Symbol.asyncDispose]()
  }
}

/** A snapshot as any client takes it, with its place. */
export async function take<O extends AnyOperation>(
  person: Person,
  op: O,
  input: InputOf<O>,
  door: Door,
): Promise<Taken<AnswerOf<O>>> {
  const { data, error, position }: Reply & { position?: Place } = await person.ask(op, input, { door })
  if (error !== undefined) throw new Refused(error)
  if (position === undefined) throw new Error(`${op.name} tells no position`)
  return { data: data as AnswerOf<O>, place: position }
}

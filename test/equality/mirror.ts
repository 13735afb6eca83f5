import { type AnswerOf, type AnyOperation, type InputOf } from '../../kernel/operation'
import { type Position, type StreamEvent, type StreamState } from '../../kernel/stream'
import { until } from '../kernel/until'
import { type Door, type Person, Refused, type Reply } from '../people'
import { type TestWorld } from '../world'
import { Follower } from './follower'

export type Place = Position & { channel: string }

/** The result of a snapshot operation. */
export interface Taken<S> {
  data: S
  place: Place
}

/** The initial state of a client, and the positions from which it follows channels. */
export interface Fresh<S> {
  state: S
  places: readonly Place[]
}

/** How a client updates its state: pure functions of absolute values, without requests. */
export interface Rules<S> {
  apply(this: void, state: S, event: StreamEvent, channel: string): S
  /** Applies the state values of a channel. */
  keep?(this: void, state: S, values: StreamState): S
}

/** A client's replica: a snapshot and all events since. */
export class Mirror<S> implements AsyncDisposable {
  readonly followers: readonly Follower[]

  private constructor(
    public state: S,
    { places }: Fresh<S>,
    { apply, keep }: Rules<S>,
    connection: { token: string; urls: readonly string[] },
  ) {
    this.followers = places.map(
      ({ channel, epoch, offset }) =>
        new Follower({
          ...{ ...connection, channel, after: { epoch, offset } },
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

  /** Drops the connections and resumes after the last applied events. */
  async comeBack(): Promise<void> {
    await Promise.all(this.followers.map(follower => follower.comeBack()))
  }

  /** Waits until the replica has reached the positions of a newer snapshot. */
  async reaches({ places }: Fresh<S>): Promise<void> {
    const isBehind = (follower: Follower, place: Place | undefined) =>
      place !== undefined && (follower.place.offset < place.offset || follower.place.epoch !== place.epoch)
    await until(() => !this.followers.some((follower, index) => isBehind(follower, places[index])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.followers) await follower[Symbol.asyncDispose]()
  }
}

/** Takes a snapshot and its position, as any client does. */
export async function take<O extends AnyOperation>(
  person: Person,
  op: O,
  input: InputOf<O>,
  door: Door,
): Promise<Taken<AnswerOf<O>>> {
  const { data, error, position }: Reply & { position?: Place } = await person.ask(op, input, { door })
  if (error !== undefined) throw new Refused(error)
  if (position === undefined) throw new Error(`${op.name} returned no position`)
  return { data: data as AnswerOf<O>, place: position }
}

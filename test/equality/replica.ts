import { type AnswerOf, type AnyOperation, type InputOf } from '../../kernel/pipeline/operation'
import { type ChannelEvent, type ChannelState } from '../../kernel/events/frames'
import { type Position } from '../../kernel/events/position'
import { waitUntil } from '../kernel/wait-until'
import { type Transport, type Person, ProblemError, type Reply } from '../person'
import { type TestApp } from '../test-app'
import { Follower } from './follower'

export type ChannelPosition = Position & { channel: string }

/** The result of a snapshot operation. */
export interface SnapshotResult<S> {
  data: S
  position: ChannelPosition
}

/** The initial state of a client, and the positions from which it follows channels. */
export interface ReplicaStart<S> {
  state: S
  positions: readonly ChannelPosition[]
}

/** How a client updates its state: pure functions of absolute values, without requests. */
export interface ReplicaRules<S> {
  apply(this: void, state: S, event: ChannelEvent, channel: string): S
  /** Applies the state values of a channel. */
  applyState?(this: void, state: S, values: ChannelState): S
}

/** A client's replica: a snapshot and all events since. */
export class Replica<S> implements AsyncDisposable {
  readonly followers: readonly Follower[]

  private constructor(
    public state: S,
    { positions }: ReplicaStart<S>,
    { apply, applyState }: ReplicaRules<S>,
    connection: { token: string; urls: readonly string[] },
  ) {
    this.followers = positions.map(
      ({ channel, epoch, offset }) =>
        new Follower({
          ...{ ...connection, channel, after: { epoch, offset } },
          onEvent: event => (this.state = apply(this.state, event, channel)),
          onState: values => {
            if (applyState !== undefined) this.state = applyState(this.state, values)
          },
        }),
    )
  }

  static async open<S>(
    { nodes }: TestApp,
    { token }: Person,
    start: ReplicaStart<S>,
    rules: ReplicaRules<S>,
  ): Promise<Replica<S>> {
    const replica = new Replica(start.state, start, rules, { token, urls: nodes.map(({ url }) => url) })
    await replica.reconnect()
    return replica
  }

  /** Drops the connections and resumes after the last applied events. */
  async reconnect(): Promise<void> {
    await Promise.all(this.followers.map(follower => follower.reconnect()))
  }

  /** Waits until the replica has reached the positions of a newer snapshot. */
  async waitFor({ positions }: ReplicaStart<S>): Promise<void> {
    const isBehind = (follower: Follower, position: ChannelPosition | undefined) =>
      position !== undefined &&
      (follower.position.offset < position.offset || follower.position.epoch !== position.epoch)
    await waitUntil(() => !this.followers.some((follower, index) => isBehind(follower, positions[index])))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const follower of this.followers) await follower[Symbol.asyncDispose]()
  }
}

/** Takes a snapshot and its position, as any client does. */
export async function takeSnapshot<O extends AnyOperation>(
  person: Person,
  op: O,
  input: InputOf<O>,
  transport: Transport,
): Promise<SnapshotResult<AnswerOf<O>>> {
  const { data, error, position }: Reply & { position?: ChannelPosition } = await person.request(op, input, {
    transport,
  })
  if (error !== undefined) throw new ProblemError(error)
  if (position === undefined) throw new Error(`${op.name} returned no position`)
  return { data: data as AnswerOf<O>, position }
}

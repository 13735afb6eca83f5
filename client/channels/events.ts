import { type ChannelKinds, type Events } from '../operations'
import { type StateValues } from './frames'

/** An event of a channel, discriminated by `name`: `offset` is its position in the channel, `id` a UUID, `at` an ISO 8601 date-time. */
export type TuttiEvent = {
  [N in keyof Events]: { offset: number; id: string; name: N; at: string; data: Events[N] }
}[keyof Events]

/** The channel type, such as `track` of `track:<id>`; never for a plain string. */
type KindOf<C extends string> = C extends `${infer Kind}:${string}`
  ? Kind extends keyof ChannelKinds
    ? Kind
    : never
  : never

/** The snapshot data of a channel. */
export type SnapshotOf<C extends string> = [KindOf<C>] extends [never] ? unknown : ChannelKinds[KindOf<C>]['snapshot']

/** The state values of a channel, each with a `rev`. */
export type StateOf<C extends string> = [KindOf<C>] extends [never] ? StateValues : ChannelKinds[KindOf<C>]['state']

type SignalsOf<C extends string> = [KindOf<C>] extends [never]
  ? Record<string, unknown>
  : ChannelKinds[KindOf<C>]['signals']

export type SignalName<C extends string> = keyof SignalsOf<C> & string
export type SignalData<C extends string, N extends SignalName<C>> = SignalsOf<C>[N]

/** A signal from another follower; `senderId` is the id of their profile. */
export type Signal<C extends string = string> = {
  [N in SignalName<C>]: { name: N; senderId: string; data: SignalData<C, N> }
}[SignalName<C>]

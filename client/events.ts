import { type ChannelKinds, type Events } from './operations'
import { type Values } from './stream'

/**
 * Something that has happened, as it arrives: `offset` is its place in the channel, `id` a UUID, `at` an instant in ISO
 * 8601. Tell them apart by `name`.
 */
export type TuttiEvent = {
  [N in keyof Events]: { offset: number; id: string; name: N; at: string; data: Events[N] }
}[keyof Events]

/** `track` of `track:<id>`; of a name that is only known to be a string, none. */
type KindOf<C extends string> = C extends `${infer Kind}:${string}`
  ? Kind extends keyof ChannelKinds
    ? Kind
    : never
  : never

/** The data of a channel's snapshot. */
export type SnapshotOf<C extends string> = [KindOf<C>] extends [never] ? unknown : ChannelKinds[KindOf<C>]['snapshot']

/** What a channel keeps besides events, each with a `rev`. */
export type StateOf<C extends string> = [KindOf<C>] extends [never] ? Values : ChannelKinds[KindOf<C>]['state']

type SignalsOf<C extends string> = [KindOf<C>] extends [never]
  ? Record<string, unknown>
  : ChannelKinds[KindOf<C>]['signals']

export type SignalName<C extends string> = keyof SignalsOf<C> & string
export type SignalData<C extends string, N extends SignalName<C>> = SignalsOf<C>[N]

/** Something that another follower has sent; `by` is the id of their profile. */
export type Signal<C extends string = string> = {
  [N in SignalName<C>]: { name: N; by: string; data: SignalData<C, N> }
}[SignalName<C>]

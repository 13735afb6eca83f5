import { type Identity } from './actor'
import { type Context } from './context'
import { type AnyChannelType, type AnyEventType, type AnyReaction } from '../events/event'
import { type AnyJob } from '../events/job'
import { type AnyOperation } from './operation'
import { type AnySignalType } from '../events/signal'
import { type AnyCounterType } from '../events/counter'

/** All declarations of all skills. The transports, the relay, the worker, the docs and many tests iterate over it. */
export interface Registry {
  readonly operations: readonly AnyOperation[]
  readonly events: readonly AnyEventType[]
  readonly channels: readonly AnyChannelType[]
  readonly signals: readonly AnySignalType[]
  readonly reactions: readonly AnyReaction[]
  readonly jobs: readonly AnyJob[]
  readonly counters: readonly AnyCounterType[]
  /** Returns the profile id of an identity; creates the profile on the first call. */
  provisionProfile(identity: Identity, context: Context): Promise<string>
}

/** The declarations of one skill. */
export type Skill = Partial<Omit<Registry, 'provisionProfile'>>

/** Combines skills. Throws when two declarations have the same name, route, channel kind or state key. */
export function createRegistry(skills: readonly Skill[], provisionProfile: Registry['provisionProfile']): Registry {
  const registry = {
    operations: skills.flatMap(skill => skill.operations ?? []),
    events: skills.flatMap(skill => skill.events ?? []),
    channels: skills.flatMap(skill => skill.channels ?? []),
    signals: skills.flatMap(skill => skill.signals ?? []),
    reactions: skills.flatMap(skill => skill.reactions ?? []),
    jobs: skills.flatMap(skill => skill.jobs ?? []),
    counters: skills.flatMap(skill => skill.counters ?? []),
    provisionProfile,
  }
  const { operations, events, jobs, counters, signals } = registry
  assertUnique([...operations, ...events, ...jobs, ...counters, ...signals].map(({ name }) => name))
  assertUnique(registry.operations.map(({ route }) => route.replace(/:\w+/g, ':')))
  assertUnique(registry.channels.map(({ kind }) => kind))
  assertUnique(registry.counters.map(({ channelKind, stateKey }) => `the ${stateKey} of ${channelKind}:<id>`))
  return registry
}

function assertUnique(names: readonly string[]): void {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new Error(`declared twice: ${duplicate}`)
}

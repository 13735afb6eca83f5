import { type AnyChannelType } from '../events/channel'
import { type AnyCounterType } from '../events/counter'
import { type AnyEventType } from '../events/event'
import { type AnyJob } from '../events/job'
import { type AnyReaction } from '../events/reaction'
import { type AnySignalType } from '../events/signal'
import { type Identity } from './actor'
import { type Context } from './context'
import { type AnyOperation } from './operation'

/** All declarations of all skills. The transports, the relay, the worker, the docs and many tests iterate over it. */
export interface Registry {
  readonly operations: readonly AnyOperation[]
  readonly events: readonly AnyEventType[]
  readonly channels: readonly AnyChannelType[]
  readonly signals: readonly AnySignalType[]
  /** In the order of the skills: the reactions to one event run in this order. */
  readonly reactions: readonly AnyReaction[]
  readonly jobs: readonly AnyJob[]
  readonly counters: readonly AnyCounterType[]
  /** Returns the profile id of an identity; creates the profile on the first call. */
  provisionProfile(identity: Identity, context: Context): Promise<string>
}

type Declaration = AnyOperation | AnyEventType | AnyChannelType | AnySignalType | AnyReaction | AnyJob | AnyCounterType

/** The exports of a skill's `index.ts`: declarations and nothing else. */
export type Skill = Readonly<Record<string, Declaration>>

/**
 * Combines skills. Within a skill declarations are sorted by the name of their export, so that the order does not depend
 * on the module system.
 * @throws when an export is no declaration, or two declarations have the same name, route, channel kind or state key
 */
export function createRegistry(skills: readonly Skill[], provisionProfile: Registry['provisionProfile']): Registry {
  const all = skills.flatMap(skill =>
    Object.keys(skill)
      .sort()
      .map(name => declarationIn(skill, name)),
  )
  const registry = {
    operations: all.filter(one => one.declares === 'operation'),
    events: all.filter(one => one.declares === 'event'),
    channels: all.filter(one => one.declares === 'channel'),
    signals: all.filter(one => one.declares === 'signal'),
    reactions: all.filter(one => one.declares === 'reaction'),
    jobs: all.filter(one => one.declares === 'job'),
    counters: all.filter(one => one.declares === 'counter'),
    provisionProfile,
  }
  const { operations, events, jobs, counters, signals } = registry
  assertUnique([...operations, ...events, ...jobs, ...counters, ...signals].map(({ name }) => name))
  assertUnique(operations.map(({ route }) => route.replace(/:\w+/g, ':')))
  assertUnique(registry.channels.map(({ kind }) => kind))
  assertUnique(counters.map(({ channelKind, stateKey }) => `the ${stateKey} of ${channelKind}:<id>`))
  return registry
}

function declarationIn(skill: Skill, name: string): Declaration {
  const found: Partial<Declaration> | undefined = skill[name]
  if (found?.declares === undefined) throw new Error(`a skill's index exports ${name}, which is no declaration`)
  return found as Declaration
}

function assertUnique(names: readonly string[]): void {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new Error(`declared twice: ${duplicate}`)
}

/**
 * A declaration that no skill's index exports would work half: its job would never run, its event have no documentation.
 * @throws when the registry does not hold it
 */
export function assertRegistered(
  listed: readonly { readonly name: string }[],
  { name }: { readonly name: string },
): void {
  if (!listed.some(one => one.name === name)) throw new Error(`${name} is not exported by the index of a skill`)
}

import { type Identity } from './actor'
import { type Context } from './context'
import { type AnyChannelType, type AnyEventType, type AnyReaction } from './event'
import { type AnyJob } from './job'
import { type AnyOperation } from './operation'
import { type AnySignalType } from './signal'
import { type AnyTallyType } from './tally'

/** All declarations of all skills. The transports, the relay, the worker, the docs and many tests iterate over it. */
export interface Product {
  readonly operations: readonly AnyOperation[]
  readonly events: readonly AnyEventType[]
  readonly channels: readonly AnyChannelType[]
  readonly signals: readonly AnySignalType[]
  readonly reactions: readonly AnyReaction[]
  readonly jobs: readonly AnyJob[]
  readonly tallies: readonly AnyTallyType[]
  /** Returns the profile id of an identity; creates the profile on the first call. */
  arrive(identity: Identity, context: Context): Promise<string>
}

/** The declarations of one skill. */
export type Skill = Partial<Omit<Product, 'arrive'>>

/** Combines skills. Throws when two declarations have the same name, route, channel kind or state key. */
export function productOf(skills: readonly Skill[], arrive: Product['arrive']): Product {
  const product = {
    operations: skills.flatMap(skill => skill.operations ?? []),
    events: skills.flatMap(skill => skill.events ?? []),
    channels: skills.flatMap(skill => skill.channels ?? []),
    signals: skills.flatMap(skill => skill.signals ?? []),
    reactions: skills.flatMap(skill => skill.reactions ?? []),
    jobs: skills.flatMap(skill => skill.jobs ?? []),
    tallies: skills.flatMap(skill => skill.tallies ?? []),
    arrive,
  }
  const { operations, events, jobs, tallies, signals } = product
  assertUnique([...operations, ...events, ...jobs, ...tallies, ...signals].map(({ name }) => name))
  assertUnique(product.operations.map(({ route }) => route.replace(/:\w+/g, ':')))
  assertUnique(product.channels.map(({ kind }) => kind))
  assertUnique(product.tallies.map(({ kind, key }) => `the ${key} of ${kind}:<id>`))
  return product
}

function assertUnique(names: readonly string[]): void {
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined) throw new Error(`declared twice: ${duplicate}`)
}

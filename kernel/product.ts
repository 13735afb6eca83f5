import { type Identity } from './actor'
import { type Context } from './context'
import { type AnyChannelType, type AnyEventType, type AnyReaction } from './event'
import { type AnyJob } from './job'
import { type AnyOperation } from './operation'
import { type AnySignalType } from './signal'
import { type AnyTallyType } from './tally'

/** Everything that the product is, as lists. The doors, the relay, the worker, the docs and many tests read it. */
export interface Product {
  readonly operations: readonly AnyOperation[]
  readonly events: readonly AnyEventType[]
  readonly channels: readonly AnyChannelType[]
  readonly signals: readonly AnySignalType[]
  readonly reactions: readonly AnyReaction[]
  readonly jobs: readonly AnyJob[]
  readonly tallies: readonly AnyTallyType[]
  /** The profile id of an identity; its first call makes the profile. */
  arrive(identity: Identity, context: Context): Promise<string>
}

/** What one skill adds to the product. */
export type Skill = Partial<Omit<Product, 'arrive'>>

/** Puts skills together; refuses two things of one name. */
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
  refuseTwice([...operations, ...events, ...jobs, ...tallies, ...signals].map(({ name }) => name))
  refuseTwice(product.operations.map(({ route }) => route.replace(/:\w+/g, ':')))
  refuseTwice(product.channels.map(({ kind }) => kind))
  refuseTwice(product.tallies.map(({ kind, key }) => `the ${key} of ${kind}:<id>`))
  return product
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`declared twice: ${twice}`)
}

import { type Registry } from '../pipeline/registry'
import { exampleOf, type Examples } from './examples'
import { type Json, type SchemaComponents } from './schema-components'

/** Describes every kind of channel: its snapshot operation, its state values and its signals. */
export function describeChannels(
  { channels, operations, counters, signals }: Registry,
  book: SchemaComponents,
  examples: Examples,
): Json[] {
  return channels.map(({ kind, summary, description, presence = false }) => ({
    name: `${kind}:<id>`,
    summary,
    ...(description === undefined ? {} : { description }),
    presence,
    snapshot: operations.find(({ snapshotChannel }) => snapshotChannel?.({}, anyActor).startsWith(`${kind}:`))?.name,
    state: counters
      .filter(counter => counter.channelKind === kind)
      .map(({ name, stateKey, summary: title, description: details, value }) => ({
        ...{ key: stateKey, summary: title, value: book.schemaOf(value), ...exampleOf(examples.state[name]) },
        ...(details === undefined ? {} : { description: details }),
      })),
    signals: signals
      .filter(({ channelKind }) => channelKind === kind)
      .map(({ name, summary: title, description: details, data }) => ({
        ...{ name, summary: title, data: book.schemaOf(data), ...exampleOf(examples.signals[name]) },
        ...(details === undefined ? {} : { description: details }),
      })),
  }))
}

/** A placeholder: the kind of the snapshot's channel does not depend on the input or the actor. */
const anyActor = { id: '', roles: [] }

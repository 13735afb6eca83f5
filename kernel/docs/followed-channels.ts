import { type Product } from '../product'
import { type Json, type SchemaBook } from './schemas'

/** Describes every kind of channel: its snapshot operation, its state values and its signals. */
export function followedChannels({ channels, operations, tallies, signals }: Product, book: SchemaBook): Json[] {
  return channels.map(({ kind, summary, description, presence = false }) => ({
    name: `${kind}:<id>`,
    summary,
    ...(description === undefined ? {} : { description }),
    presence,
    snapshot: operations.find(({ snapshotOf }) => snapshotOf?.({}, anyActor).startsWith(`${kind}:`))?.name,
    state: tallies
      .filter(tally => tally.kind === kind)
      .map(({ key, summary: title, description: details, value }) => ({
        ...{ key, summary: title, value: book.of(value) },
        ...(details === undefined ? {} : { description: details }),
      })),
    signals: signals
      .filter(({ on }) => on === kind)
      .map(({ name, summary: title, description: details, data }) => ({
        ...{ name, summary: title, data: book.of(data) },
        ...(details === undefined ? {} : { description: details }),
      })),
  }))
}

/** A placeholder: the kind of the snapshot's channel does not depend on the input or the actor. */
const anyActor = { id: '', roles: [] }

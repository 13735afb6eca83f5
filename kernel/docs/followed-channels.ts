import { type Product } from '../product'
import { type Json, type SchemaBook } from './schemas'

/** Every kind of channel: its snapshot, the state that it keeps besides events, and what followers may tell each other. */
export function followedChannels({ channels, operations, tallies, signals }: Product, book: SchemaBook): Json[] {
  return channels.map(({ kind, summary, presence = false }) => ({
    name: `${kind}:<id>`,
    summary,
    presence,
    snapshot: operations.find(({ snapshotOf }) => snapshotOf?.({}, nobody).startsWith(`${kind}:`))?.name,
    state: tallies
      .filter(tally => tally.kind === kind)
      .map(({ key, summary: what, value }) => ({ key, summary: what, value: book.of(value) })),
    signals: signals
      .filter(({ on }) => on === kind)
      .map(({ name, summary: what, data }) => ({ name, summary: what, data: book.of(data) })),
  }))
}

/** A snapshot's channel names its kind whatever is asked for. */
const nobody = { id: '', roles: [] }

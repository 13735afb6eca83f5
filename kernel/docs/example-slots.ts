import { type AnyEventType, isPublished } from '../events/event'
import { protocolCalls, protocolMessages, snapshotPosition } from '../events/protocol'
import { type AnyOperation } from '../pipeline/operation'
import { isPageField } from '../pipeline/paging'
import { type Registry } from '../pipeline/registry'
import { boolean, type Field, id, integer, literal, nullable, outputText, shape, timestamp } from '../pipeline/schema'
import { type Examples } from './examples'

/** What needs an example, and the schema of the example. */
export interface ExampleSlot {
  section: keyof Examples
  name: string
  field: Field<unknown>
}

/** Everything that needs an example, in the order of the documents. */
export function exampleSlots({ operations, events, counters, signals }: Registry): ExampleSlot[] {
  const section =
    (section: keyof Examples) =>
    (name: string, field: Field<unknown>): ExampleSlot => ({ section, name, field })
  const [call, message, state, signal] = [section('calls'), section('messages'), section('state'), section('signals')]
  return [
    ...operations.map(op => section('operations')(op.name, operationField(op))),
    ...protocolCalls.map(({ name, input, data }) => call(name, shape({ input, data }))),
    ...protocolMessages.map(({ name, payload }) => message(name, payload)),
    ...events.filter(isPublished).map(type => section('events')(type.name, eventField(type))),
    ...counters.map(({ name, value }) => state(name, value)),
    ...signals.map(({ name, data }) => signal(name, data)),
  ]
}

function operationField({ input, output, snapshotChannel }: AnyOperation): Field<unknown> {
  const page = isPageField(output) ? { page: pageField } : {}
  const position = snapshotChannel === undefined ? {} : { position: snapshotPosition }
  return shape({ input, data: output, ...page, ...position })
}

const pageField = shape({ next: nullable(outputText), hasMore: boolean })

const eventField = ({ name, payload }: AnyEventType): Field<unknown> =>
  shape({ offset: integer(1, Number.MAX_SAFE_INTEGER), id, name: literal(name), at: timestamp, data: payload })

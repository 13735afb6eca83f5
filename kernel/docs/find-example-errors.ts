import { type Registry } from '../pipeline/registry'
import { Refusal } from '../pipeline/refusals'
import { type Field, parse } from '../pipeline/schema'
import { type ExampleSlot, exampleSlots } from './example-slots'
import { type Examples } from './examples'

/** A sentence for each example that is missing or does not match its schema. */
export function findExampleErrors(registry: Registry, examples: Examples): string[] {
  const slots = exampleSlots(registry)
  return slots.flatMap(slot => errorOf(slot, slots, examples))
}

/** Why the value is not an example of the slot; undefined when it is one. Events in frames must be declared and valid too. */
export function exampleError(slot: ExampleSlot, slots: readonly ExampleSlot[], value: unknown): string | undefined {
  const fieldOfEvent = (name: string) => slots.find(one => one.section === 'events' && one.name === name)?.field
  const errors = [...eventsWithin(value)].map(found => {
    const field = fieldOfEvent(found.name)
    return field === undefined ? `${found.name} is no published event` : parseError(field, found)
  })
  return [parseError(slot.field, value), ...errors].find(error => error !== undefined)
}

/** All events in a frame or in the answer to a follow. */
function* eventsWithin(value: unknown): Generator<{ name: string }> {
  if (typeof value !== 'object' || value === null) return
  const { offset, name, at } = value as { offset?: unknown; name?: unknown; at?: unknown }
  if (typeof offset === 'number' && typeof name === 'string' && typeof at === 'string') yield { ...value, name }
  else for (const inner of Object.values(value)) yield* eventsWithin(inner)
}

function parseError(field: Field<unknown>, value: unknown): string | undefined {
  try {
    parse(field, value)
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.extras.errors?.map(({ message }) => message).join(', ') ?? error.message
  }
}

function errorOf(slot: ExampleSlot, slots: readonly ExampleSlot[], examples: Examples): string[] {
  const example = examples[slot.section][slot.name]
  if (example === undefined) return [`${slot.section}/${slot.name} has no example: ${adviceFor(slot)}`]
  const error = exampleError(slot, slots, example)
  return error === undefined
    ? []
    : [`the example of ${slot.section}/${slot.name} does not match its schema (${error}): ${adviceFor(slot)}`]
}

const adviceFor = ({ section, name }: ExampleSlot): string => {
  const tests =
    section === 'calls' || section === 'messages' ? 'test/realtime' : `test/skills/${name.split('.')[0] ?? ''}`
  return `record one with \`npm run docs -- --record ${tests}\`, or with other tests that do it`
}

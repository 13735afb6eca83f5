import { type Registry } from '../pipeline/registry'
import { Refusal } from '../pipeline/refusals'
import { parse } from '../pipeline/schema'
import { type ExampleSlot, exampleSlots } from './example-slots'
import { type Examples } from './examples'

/** A sentence for each example that is missing or does not match its schema. */
export const findExampleErrors = (registry: Registry, examples: Examples): string[] =>
  exampleSlots(registry).flatMap(slot => errorOf(slot, examples))

/** Why the value is not an example of the slot; undefined when it is one. */
export function exampleError({ field }: ExampleSlot, value: unknown): string | undefined {
  try {
    parse(field, value)
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const messages = error.extras.errors?.map(({ path, message }) => `${message} (at ${path})`) ?? []
    return messages.join(', ')
  }
}

function errorOf(slot: ExampleSlot, examples: Examples): string[] {
  const example = examples[slot.section][slot.name]
  if (example === undefined) return [`${slot.section}/${slot.name} has no example: ${adviceFor(slot)}`]
  const error = exampleError(slot, example)
  return error === undefined
    ? []
    : [`the example of ${slot.section}/${slot.name} does not match its schema (${error}): ${adviceFor(slot)}`]
}

const adviceFor = ({ section, name }: ExampleSlot): string => {
  const tests =
    section === 'calls' || section === 'messages' ? 'test/realtime' : `test/skills/${name.split('.')[0] ?? ''}`
  return `record one with \`npm run docs -- --record ${tests}\``
}

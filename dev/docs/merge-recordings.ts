import { exampleSlots, type ExampleSlot } from '../../kernel/docs/example-slots'
import { type Examples } from '../../kernel/docs/examples'
import { exampleError } from '../../kernel/docs/find-example-errors'
import { type Registry } from '../../kernel/pipeline/registry'
import { anonymizeExample } from './anonymize-example'
import { chooseExample } from './choose-example'
import { type Recording } from './read-recordings'

/** Keeps each example that is still valid, and chooses one from the recordings for everything that has none. */
export function mergeRecordings(registry: Registry, examples: Examples, recordings: readonly Recording[]): Examples {
  const slots = exampleSlots(registry)
  const candidates = candidatesByKey(registry, recordings)
  const exampleOf = (slot: ExampleSlot): unknown => {
    const current = examples[slot.section][slot.name]
    if (current !== undefined && exampleError(slot, slots, current) === undefined) return current
    const found = (candidates.get(`${slot.section} ${slot.name}`) ?? []).map(anonymizeExample)
    return chooseExample(found.filter(value => exampleError(slot, slots, value) === undefined))
  }
  const entries = slots
    .map(slot => ({ ...slot, example: exampleOf(slot) }))
    .filter(({ example }) => example !== undefined)
  const section = (section: keyof Examples) =>
    Object.fromEntries(entries.filter(one => one.section === section).map(({ name, example }) => [name, example]))
  return {
    operations: section('operations'),
    calls: section('calls'),
    messages: section('messages'),
    events: section('events'),
    state: section('state'),
    signals: section('signals'),
  }
}

/** What the recordings show, by section and name. */
function candidatesByKey(registry: Registry, recordings: readonly Recording[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  const operations = new Set<string>(registry.operations.map(({ name }) => name))
  const add = (section: keyof Examples, name: string, value: unknown) => {
    const key = `${section} ${name}`
    found.set(key, [...(found.get(key) ?? []), value])
  }
  for (const { kind, name, value } of recordings) {
    if (kind === 'message') add('messages', name, value)
    else add(operations.has(name) ? 'operations' : 'calls', name, value)
    const { events = [], channel = '', values = {}, data } = value as Frame
    if (name === 'events') for (const event of events) add('events', event.name, event)
    if (name === 'state')
      for (const counter of registry.counters)
        if (channel.startsWith(`${counter.channelKind}:`) && counter.stateKey in values)
          add('state', counter.name, values[counter.stateKey])
    if (name === 'signal') add('signals', (value as { name: string }).name, data)
  }
  return found
}

/** The fields of frames that contain further examples. */
interface Frame {
  channel?: string
  events?: { name: string }[]
  values?: Record<string, unknown>
  data?: unknown
}

/**
 * Recorded examples by name, all optional: `findExampleErrors` lists what is missing. A call is `{input, data}`, with `page`
 * or `position` where the operation answers with one; an event is complete, with its offset; the rest are bare values.
 */
export interface Examples {
  operations: ExampleSection
  /** Calls of the protocol, such as `channel.follow`. */
  calls: ExampleSection
  /** Messages of the protocol, such as `presence`. */
  messages: ExampleSection
  events: ExampleSection
  /** Channel state values, by the name of their counter. */
  state: ExampleSection
  signals: ExampleSection
}

export type ExampleSection = Readonly<Record<string, unknown>>

export const noExamples: Examples = { operations: {}, calls: {}, messages: {}, events: {}, state: {}, signals: {} }

/** An example of a call, as the sections `operations` and `calls` hold it. */
export interface CallExample {
  input: Record<string, unknown>
  data: unknown
  page?: unknown
  position?: unknown
}

/** The member `example` of a parameter, body or response; none without an example. */
export const exampleOf = (example: unknown): { example?: unknown } => (example === undefined ? {} : { example })

/** The answer of a call on both transports; undefined without an example. */
export function answerExample(example: CallExample | undefined): Omit<CallExample, 'input'> | undefined {
  if (example === undefined) return undefined
  const { data, page, position } = example
  return { data, ...(page === undefined ? {} : { page }), ...(position === undefined ? {} : { position }) }
}

/** A message of a stream of server-sent events. */
export interface Message {
  event: string
  data: string
}

/**
 * Puts server-sent events together from pieces of text, wherever those were cut. Ids are not needed: the data says the
 * place. Comments become messages without data: they say that the stream lives.
 */
export class EventStream {
  #rest = ''

  take(text: string): Message[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n')
    // A line end may be cut in the middle of its two characters: they stay together in the rest.
    this.#rest = blocks.pop() ?? ''
    return blocks.map(block => toMessage(block.split('\n')))
  }
}

function toMessage(lines: readonly string[]): Message {
  const of = (field: string) =>
    lines.filter(line => line.startsWith(`${field}:`)).map(line => line.slice(field.length + 1).replace(/^ /, ''))
  return { event: of('event').at(-1) ?? 'message', data: of('data').join('\n') }
}

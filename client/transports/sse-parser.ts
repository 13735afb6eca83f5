/** A server-sent event. */
export interface SseMessage {
  event: string
  data: string
}

/**
 * Incremental parser of server-sent events, for text cut anywhere. Ignores ids, because the data has the position. Comments become
 * messages with empty data, which show that the stream is alive.
 */
export class SseParser {
  #rest = ''

  push(text: string): SseMessage[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n')
    // Keep the rest unparsed: a chunk may end between `\r` and `\n`.
    this.#rest = blocks.pop() ?? ''
    return blocks.map(block => toMessage(block.split('\n')))
  }
}

function toMessage(lines: readonly string[]): SseMessage {
  const of = (field: string) =>
    lines.filter(line => line.startsWith(`${field}:`)).map(line => line.slice(field.length + 1).replace(/^ /, ''))
  return { event: of('event').at(-1) ?? 'message', data: of('data').join('\n') }
}

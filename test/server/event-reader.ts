import { waitUntil } from '../kernel/wait-until'

export interface SseMessage {
  event: string
  id: string | undefined
  data: Record<string, unknown>
}

/** Reads server-sent events over `fetch`, as any client does. */
export class EventReader implements AsyncDisposable {
  readonly messages: SseMessage[] = []
  readonly comments: string[] = []
  hasEnded = false

  private constructor(
    readonly response: Response,
    private readonly controller: AbortController,
  ) {}

  static async open(url: string, token: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const controller = new AbortController()
    const accept = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
    const response = await fetch(url, { headers: { ...accept, ...headers }, signal: controller.signal })
    const reader = new EventReader(response, controller)
    void reader.read().catch(() => undefined)
    return reader
  }

  /** Waits for the first message with this event name. */
  async waitFor(event: string): Promise<SseMessage> {
    await waitUntil(() => this.hasEnded || this.messages.some(message => message.event === event))
    const found = this.messages.find(message => message.event === event)
    if (found === undefined) throw new Error(`ended without ${event}: ${JSON.stringify(this.messages).slice(0, 500)}`)
    return found
  }

  /** The channel events received, in order. */
  get events(): { offset: number; name: string; data: unknown }[] {
    return this.messages.flatMap(({ event, data }) => (event === 'events' ? (data.events as []) : []))
  }

  get offsets(): number[] {
    return this.events.map(({ offset }) => offset)
  }

  get lastId(): string | undefined {
    return this.messages.findLast(({ id }) => id !== undefined)?.id
  }

  async waitForEnd(): Promise<void> {
    await waitUntil(() => this.hasEnded)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.controller.abort()
    await this.waitForEnd()
  }

  private async read(): Promise<void> {
    let text = ''
    try {
      for await (const chunk of this.response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString()
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.parse(block)
      }
    } finally {
      this.hasEnded = true
    }
  }

  private parse(block: string): void {
    if (block.startsWith(':')) {
      this.comments.push(block)
      return
    }
    const fields = new Map(
      block.split('\n').map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
    )
    const data = fields.get('data')
    if (data === undefined) return
    this.messages.push({
      event: fields.get('event') ?? '',
      id: fields.get('id'),
      data: JSON.parse(data) as Record<string, unknown>,
    })
  }
}

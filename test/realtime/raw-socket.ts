import { connect, type Socket } from 'node:net'
import { randomBytes } from 'node:crypto'
import { exampleRecorder } from '../example-recorder'

/** A client that sends arbitrary WebSocket frames, which a real client would not send. */
export class RawSocket implements AsyncDisposable {
  readonly received: string[] = []
  closed = false
  closeCode: number | undefined
  private waiters: (() => void)[] = []
  private buffered = Buffer.alloc(0)

  private constructor(
    private readonly tcp: Socket,
    readonly statusLine: string,
    rest: Buffer,
  ) {
    tcp.on('data', chunk => this.read(chunk))
    tcp.on('close', () => {
      this.closed = true
      this.wake()
    })
    this.read(rest)
  }

  /** Opens the transport; `upgraded` is the status line of the response. */
  static open(
    port: number,
    headers: Record<string, string> = {},
    query = 'EIO=4&transport=websocket',
  ): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const tcp = connect({ host: '127.0.0.1', port }, () => {
        const all = {
          host: 'x',
          upgrade: 'websocket',
          connection: 'Upgrade',
          'sec-websocket-version': '13',
          ...headers,
        }
        const lines = Object.entries({ ...all, 'sec-websocket-key': randomBytes(16).toString('base64') })
        tcp.write(`GET /socket.io/?${query} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}`).join('\r\n')}\r\n\r\n`)
      })
      tcp.on('error', reject)
      let head = Buffer.alloc(0)
      const onHead = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        tcp.off('data', onHead)
        tcp.off('error', reject)
        tcp.on('error', () => undefined)
        resolve(new RawSocket(tcp, head.toString().split('\r\n')[0] ?? '', head.subarray(end + 4)))
      }
      tcp.on('data', onHead)
    })
  }

  /** Opens the transport and connects with a token. */
  static async connect(port: number, token: string): Promise<RawSocket> {
    const socket = await RawSocket.open(port)
    socket.send(`40${JSON.stringify({ token })}`)
    await socket.waitFor(text => text.startsWith('40'))
    return socket
  }

  send(text: string | Buffer): void {
    const isText = typeof text === 'string'
    const payload = Buffer.from(text)
    const length =
      payload.length < 126
        ? Buffer.from([0x80 | payload.length])
        : payload.length < 65_536
          ? Buffer.from([0xfe, payload.length >> 8, payload.length & 0xff])
          : Buffer.concat([Buffer.from([0xff, 0, 0, 0, 0]), uint32(payload.length)])
    // Use a mask of zeros, which does not change the payload.
    this.tcp.write(Buffer.concat([Buffer.from([isText ? 0x81 : 0x82]), length, Buffer.alloc(4), payload]))
  }

  /** Sends raw bytes. */
  write(bytes: Buffer): void {
    this.tcp.write(bytes)
  }

  /** Stops reading, as a stalled client does. */
  pause(): void {
    this.tcp.pause()
  }

  resume(): void {
    this.tcp.resume()
  }

  /** Waits for the first message that `fits`; rejects if the transport closes before. */
  async waitFor(fits: (text: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.received.find(fits)
      if (found !== undefined) return found
      if (this.closed)
        throw new Error(`closed (${this.closeCode ?? 'without a code'}) after ${this.received.join(' ') || 'nothing'}`)
      await this.change()
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await this.change()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tcp.destroy()
  }

  private change(): Promise<void> {
    return new Promise(resolve => this.waiters.push(resolve))
  }

  private wake(): void {
    for (const wake of this.waiters.splice(0)) wake()
  }

  private receive(text: string): void {
    this.received.push(text)
    exampleRecorder.recordPacket(text)
  }

  private read(chunk: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, chunk])
    for (;;) {
      const [first, second] = this.buffered
      if (first === undefined || second === undefined) return
      const at = second < 126 ? 2 : 4
      if (this.buffered.length < at) return
      const length = second < 126 ? second : this.buffered.readUInt16BE(2)
      if (this.buffered.length < at + length) return
      const payload = this.buffered.subarray(at, at + length)
      this.buffered = this.buffered.subarray(at + length)
      const opcode = first & 0x0f
      if (opcode === 8) {
        this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
        this.tcp.end()
      } else if (payload.toString() === '2') this.send('3')
      else this.receive(payload.toString())
      this.wake()
    }
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

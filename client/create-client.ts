import {
  Calls,
  type CallOptions,
  type DataOf,
  type InputOf,
  type ListName,
  type OperationName,
  type Part,
} from './calls'
import { Channels, type FollowOptions, type Following } from './channels'
import { type SignalData, type SignalName, type TuttiEvent } from './events'
import { type Transport } from './feed'
import { type Handlers } from './follower'
import { Http } from './http'
import { iterate } from './iterate'
import { Live } from './live'
import { Offsets, type OffsetStore } from './offsets'
import { type Picture, type PictureRef, type Upload } from './operations'
import { onPage } from './page'
import { clientClosed, offsetsFailed, type TuttiProblem } from './problem'
import { restRoad } from './rest-road'
import { mayComeBack, type Question, type Road, type TokenSource, wantsCookies } from './road'
import { takeSnapshot } from './snapshots'
import { Timers } from './timers'
import { Transports } from './transports'
import {
  replaceAudio,
  type ReplacementFields,
  resumeUpload,
  type Uploaded,
  type UploadFields,
  type UploadOptions,
  upload,
} from './upload'
import { type PictureFields, type PictureOptions, uploadPicture } from './upload-picture'

export interface ClientOptions {
  /** The origin of the API, such as `https://api.example.org`. */
  url: string
  /**
   * A bearer token, or how to get the one that is good now: asked at every connection and every call over REST, and when
   * one is about to expire. With `refused` the last one was not taken: answer another one.
   */
  token: string | ((refused?: TuttiProblem) => string | Promise<string>)
  /**
   * What may be used, the best first; all three unless you say less. Channels go over the first that works and come back to
   * a better one when it does. Without `socket`, calls always go over REST, and there are no signals or presence changes.
   */
  transports?: readonly Transport[]
  /** Keeps across lives of the client how far you have been told, so that a new one goes on from there. */
  offsets?: OffsetStore
  /**
   * Hears what no call can throw: why the socket does not connect or was closed, and, with `channel`, why a channel is not
   * followed any more, or not for now, or that a listener threw. What is temporary is tried again without you.
   */
  onProblem?: (problem: TuttiProblem, channel?: string) => void
  /** Hears what channels go over, from now on; nothing while it waits for a socket. */
  onTransport?: (transport: Transport | undefined) => void
}

/** Every method throws TuttiProblem, for refusals as well as for a server that cannot be reached. */
export interface Client {
  /**
   * The answer's `data`. Asked again over the other road when the first gives no answer; done once all the same. Cookies that
   * are wished for (`delivery: 'cookies'`) come over REST, and a browser keeps them on pages of other origins too.
   */
  call<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<DataOf<N>>
  /** A part of a list, `limit` rows at most (50, up to 200). */
  callPage<N extends ListName>(name: N, input: InputOf<N>): Promise<Part<N>>
  /** All parts of a list, each as it is asked for: `for await (const rows of client.pages(…))`. */
  pages<N extends ListName>(name: N, input: InputOf<N>): AsyncGenerator<DataOf<N>, void, undefined>
  /**
   * Hears what happens on a channel, such as `track:<id>`: every event once, in order, from where it begins, whatever
   * happens to connections meanwhile. Resolves once it hears, however long that takes.
   */
  follow<C extends string>(
    channel: C,
    listener: ((event: TuttiEvent) => unknown) | (Handlers<C> & FollowOptions),
    options?: FollowOptions & Omit<Handlers<C>, 'onEvent'>,
  ): Promise<Following>
  /**
   * The same as a loop: `for await (const event of client.events(channel))`, from its first turn on. It ends when you leave
   * it, the signal aborts or the client is closed, and throws when the channel may be followed no longer.
   */
  events<C extends string>(
    channel: C,
    options?: FollowOptions & Omit<Handlers<C>, 'onEvent'>,
  ): AsyncGenerator<TuttiEvent, void, undefined>
  /** Tells those who follow a channel that you follow too, over sockets, something that may be lost, such as typing. */
  signal<C extends string, N extends SignalName<C>>(channel: C, name: N, data?: SignalData<C, N>): Promise<void>
  /** Sends an audio file and says what is known of it then: a worker goes on from there, and its events tell how. */
  upload(file: Blob | Uint8Array, fields: UploadFields, options?: UploadOptions): Promise<Uploaded>
  /**
   * The same for new audio of a track of yours, which keeps its address, counts and comments: the old audio plays until the
   * new one is ready, and on when it is cancelled or refused.
   */
  replaceAudio(
    trackId: string,
    file: Blob | Uint8Array,
    fields: ReplacementFields,
    options?: UploadOptions,
  ): Promise<Upload>
  /** Goes on with an upload that was kept or broken off, given the same file: only what is missing is sent. */
  resumeUpload(uploadId: string, file: Blob | Uint8Array, options?: UploadOptions): Promise<Upload>
  /** Sends an avatar or artwork and says what is known of it then: `pictures.pictureChanged` tells what becomes of it. */
  uploadPicture(file: Blob | Uint8Array, fields: PictureFields, options?: PictureOptions): Promise<Picture>
  /** For an `<img>`: a square of at most so many pixels. It redirects to where the picture lies. */
  pictureUrl(picture: PictureRef, size: 1000 | 500 | 250, format?: 'webp' | 'jpg'): string
  /** What channels go over now. */
  transport(): Transport | undefined
  /** From now on only these, the best first. */
  useTransport(...transports: Transport[]): void
  /**
   * Ends everything; calls that wait, uploads under way, which can be resumed, and all later ones, throw `closed`. Resolves
   * when the offsets are stored.
   */
  close(): Promise<void>
}

/** A client of one person: in a browser or in Node. */
export function createClient(options: ClientOptions): Client {
  const { token, transports: order = ['socket', 'sse', 'long-poll'] } = options
  const { onProblem = () => undefined, onTransport = () => undefined } = options
  const origin = options.url.replace(/\/+$/, '')
  const askToken = async (refused?: TuttiProblem) => (typeof token === 'string' ? token : token(refused))
  const source: TokenSource = Object.assign(askToken, { mayChange: typeof token !== 'string' })
  const timers = new Timers()
  const http = new Http(origin, source)
  const rest = restRoad(http)
  const closing = new AbortController()
  const closed = closing.signal

  const live: Live = new Live(origin, source, timers, {
    onUp: () => transports.choose(true),
    onChange: () => {
      if (live.ended === undefined) void transports.choose()
      else void channels.end(live.ended)
    },
    onMessage: (name, message) => channels.hear(name, message),
    onProblem,
  })
  const transports: Transports = new Transports(order, live, http, timers, {
    onTransport,
    use: transport => channels.use(transport),
  })
  const roads = ({ input }: Question): readonly Road[] => {
    closed.throwIfAborted()
    if (!transports.withSocket || wantsCookies(input)) return [rest]
    return live.isConnected ? [live, rest] : [rest, live]
  }
  const calls = new Calls(roads, closed)
  const offsets = new Offsets(options.offsets, (error, channel) => onProblem(offsetsFailed(error), channel))
  const channels: Channels = new Channels(offsets, {
    timers,
    transports,
    takeSnapshot: channel => takeSnapshot(calls, channel),
    mayComeBack: problem => mayComeBack(problem, source),
    report: onProblem,
  })
  const leavePage = onPage({ online: () => live.hurry(), pagehide: () => void offsets.flush() })
  transports.restrict(order)

  return {
    call: (name, input, callOptions) => calls.call(name, input, callOptions),
    callPage: (name, input) => calls.callPage(name, input),
    pages: (name, input) => calls.pages(name, input),
    follow: (channel, listener, more = {}) => {
      const wish = typeof listener === 'function' ? { ...more, onEvent: listener } : { ...more, ...listener }
      return channels.follow(channel, wish as Handlers, wish)
    },
    events: (channel, more = {}) => iterate(channels, channel, more, more as Handlers),
    signal: async (channel, name, data) => {
      closed.throwIfAborted()
      const input = { channel, name, ...(data !== undefined && { data }) }
      await live.ask({ name: 'channel.signal', input })
    },
    upload: (...file) => upload(calls, ...file),
    replaceAudio: (...file) => replaceAudio(calls, ...file),
    resumeUpload: (...file) => resumeUpload(calls, ...file),
    uploadPicture: (...file) => uploadPicture(calls, ...file),
    pictureUrl: ({ id }, size, format = 'webp') => `${origin}/api/v1/pictures/${id}/${size}.${format}`,
    transport: () => transports.now,
    useTransport: (...allowed) => {
      if (!closed.aborted) transports.restrict(allowed)
    },
    close: async () => {
      const problem = clientClosed()
      closing.abort(problem)
      void channels.end(problem)
      leavePage()
      timers.callOff()
      live.close(problem)
      await offsets.flush()
    },
  }
}

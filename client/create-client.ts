import {
  Calls,
  type CallOptions,
  type DataOf,
  type InputOf,
  type ListOperationName,
  type OperationName,
  type Page,
} from './calls/calls'
import { Channels, type FollowOptions, type Subscription } from './channels/channels'
import { type SignalData, type SignalName, type TuttiEvent } from './channels/events'
import { type Transport } from './transports/feed'
import { type ChannelHandlers } from './channels/follower'
import { Http } from './calls/http'
import { iterateEvents } from './channels/iterate'
import { ReconnectingSocket } from './transports/reconnecting-socket'
import { Offsets, type OffsetStore } from './channels/offsets'
import { type Picture, type PictureRef, type Upload } from './operations'
import { listenToPage } from './page-events'
import { clientClosed, offsetStoreFailed, type TuttiProblem } from './problem'
import { createRestTransport } from './calls/rest-transport'
import {
  isRetryable,
  type CallRequest,
  type CallTransport,
  type TokenSource,
  wantsCookies,
} from './calls/call-transport'
import { takeSnapshot } from './channels/take-snapshot'
import { Timers } from './timers'
import { TransportSelector } from './transports/transport-selector'
import {
  replaceAudio,
  type ReplacementFields,
  resumeUpload,
  type UploadResult,
  type UploadFields,
  type UploadOptions,
  upload,
} from './uploads/upload'
import { type PictureFields, type PictureOptions, uploadPicture } from './uploads/upload-picture'

export interface ClientOptions {
  /** The origin of the API, such as `https://api.example.org`. */
  url: string
  /**
   * A bearer token, or a function that returns the current one. Called for every connection and every REST call, and before a token
   * expires. `refused` is set when the server has refused the last token: return a different one.
   */
  token: string | ((refused?: TuttiProblem) => string | Promise<string>)
  /**
   * Allowed transports, best first; default `['socket', 'sse', 'long-poll']`. Channels use the first that works and switch back when a
   * better one works again. Without `socket` all calls go over REST, and there are no signals or presence changes.
   */
  transports?: readonly Transport[]
  /** Stores the last delivered position of each channel, so that a new client resumes from there. */
  offsets?: OffsetStore
  /**
   * Called with problems that no call can throw: why the socket does not connect or was closed; with `channel`, why a channel cannot be
   * followed at the moment or any more, or that a listener threw. Temporary problems are retried by the client.
   */
  onProblem?: (problem: TuttiProblem, channel?: string) => void
  /** Called when channels switch to another transport; `undefined` while the client waits for a socket. */
  onTransport?: (transport: Transport | undefined) => void
}

/** Every method throws `TuttiProblem`, for refusals of the server as well as for network failures. */
export interface Client {
  /**
   * Calls an operation and returns its `data`. Repeats the call over the other transport (socket or REST) when there is no response; an
   * idempotency key makes sure it takes effect once. `delivery: 'cookies'` always goes over REST with credentials.
   */
  call<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<DataOf<N>>
  /** Calls a list operation and returns one page; `limit` rows, default 50, at most 200. */
  callPage<N extends ListOperationName>(name: N, input: InputOf<N>): Promise<Page<N>>
  /** Iterates over the pages of a list, each fetched on demand: `for await (const rows of client.pages(…))`. */
  pages<N extends ListOperationName>(name: N, input: InputOf<N>): AsyncGenerator<DataOf<N>, void, undefined>
  /**
   * Follows a channel, such as `track:<id>`: the listener gets every event once and in order, also across reconnects. Resolves when the
   * channel is followed, however long that takes. @throws TuttiProblem when it may not be followed
   */
  follow<C extends string>(
    channel: C,
    listener: ((event: TuttiEvent) => unknown) | (ChannelHandlers<C> & FollowOptions),
    options?: FollowOptions & Omit<ChannelHandlers<C>, 'onEvent'>,
  ): Promise<Subscription>
  /**
   * Follows a channel as an async iterator: `for await (const event of client.events(channel))`. Starts with the first `next()`. Ends
   * when you leave the loop, the signal aborts or the client is closed; throws when the channel may not be followed any more.
   */
  events<C extends string>(
    channel: C,
    options?: FollowOptions & Omit<ChannelHandlers<C>, 'onEvent'>,
  ): AsyncGenerator<TuttiEvent, void, undefined>
  /** Sends a signal, such as typing, to the other followers of a channel that you follow. Socket only; may be lost. */
  signal<C extends string, N extends SignalName<C>>(channel: C, name: N, data?: SignalData<C, N>): Promise<void>
  /** Uploads an audio file as a new track. Resolves before processing, which `music-upload.uploadChanged` events report. */
  upload(file: Blob | Uint8Array, fields: UploadFields, options?: UploadOptions): Promise<UploadResult>
  /**
   * Replaces the audio of a track; its URL, counts and comments stay. The old audio plays until the new one is ready, and stays when the
   * upload is canceled or rejected.
   */
  replaceAudio(
    trackId: string,
    file: Blob | Uint8Array,
    fields: ReplacementFields,
    options?: UploadOptions,
  ): Promise<Upload>
  /** Resumes an interrupted upload with the same file: sends only what is missing. */
  resumeUpload(uploadId: string, file: Blob | Uint8Array, options?: UploadOptions): Promise<Upload>
  /** Uploads an avatar or artwork. Resolves before processing, which `pictures.pictureChanged` events report. */
  uploadPicture(file: Blob | Uint8Array, fields: PictureFields, options?: PictureOptions): Promise<Picture>
  /** URL of a picture for an `<img>`, square, with sides of at most `size` pixels. Redirects to the picture file. */
  pictureUrl(picture: PictureRef, size: 1000 | 500 | 250, format?: 'webp' | 'jpg'): string
  /** The transport that channels use now. */
  transport(): Transport | undefined
  /** Restricts the allowed transports, best first. */
  useTransport(...transports: Transport[]): void
  /**
   * Closes the client. Pending and later calls throw `closed`, and so do uploads in progress, which can be resumed. Resolves when the
   * offsets are stored.
   */
  close(): Promise<void>
}

/** Creates a client for one signed-in person, in a browser or in Node. */
export function createClient(options: ClientOptions): Client {
  const { token, transports: allowed = ['socket', 'sse', 'long-poll'] } = options
  const { onProblem = () => undefined, onTransport = () => undefined } = options
  const origin = options.url.replace(/\/+$/, '')
  const getToken = async (refused?: TuttiProblem) => (typeof token === 'string' ? token : token(refused))
  const tokenSource: TokenSource = Object.assign(getToken, { canChange: typeof token !== 'string' })
  const timers = new Timers()
  const http = new Http(origin, tokenSource)
  const rest = createRestTransport(http)
  const closing = new AbortController()
  const closed = closing.signal

  const live: ReconnectingSocket = new ReconnectingSocket(origin, tokenSource, timers, {
    onUp: () => transports.select(true),
    onChange: () => {
      if (live.ended === undefined) void transports.select()
      else void channels.end(live.ended)
    },
    onMessage: (name, message) => channels.receive(name, message),
    onProblem,
  })
  const transports: TransportSelector = new TransportSelector(allowed, live, http, timers, {
    onTransport,
    useTransport: transport => channels.useTransport(transport),
  })
  const routesFor = ({ input }: CallRequest): readonly CallTransport[] => {
    closed.throwIfAborted()
    if (!transports.withSocket || wantsCookies(input)) return [rest]
    return live.isConnected ? [live, rest] : [rest, live]
  }
  const calls = new Calls(routesFor, closed)
  const offsets = new Offsets(options.offsets, (error, channel) => onProblem(offsetStoreFailed(error), channel))
  const channels: Channels = new Channels(offsets, {
    timers,
    transports,
    takeSnapshot: channel => takeSnapshot(calls, channel),
    isRetryable: problem => isRetryable(problem, tokenSource),
    report: onProblem,
  })
  const removePageListeners = listenToPage({ online: () => live.reconnectNow(), pagehide: () => void offsets.flush() })
  transports.setAllowed(allowed)

  return {
    call: (name, input, callOptions) => calls.call(name, input, callOptions),
    callPage: (name, input) => calls.callPage(name, input),
    pages: (name, input) => calls.pages(name, input),
    follow: (channel, listener, more = {}) => {
      const request = typeof listener === 'function' ? { ...more, onEvent: listener } : { ...more, ...listener }
      return channels.follow(channel, request as ChannelHandlers, request)
    },
    events: (channel, more = {}) => iterateEvents(channels, channel, more, more as ChannelHandlers),
    signal: async (channel, name, data) => {
      closed.throwIfAborted()
      const input = { channel, name, ...(data !== undefined && { data }) }
      await live.send({ name: 'channel.signal', input })
    },
    upload: (...file) => upload(calls, ...file),
    replaceAudio: (...file) => replaceAudio(calls, ...file),
    resumeUpload: (...file) => resumeUpload(calls, ...file),
    uploadPicture: (...file) => uploadPicture(calls, ...file),
    pictureUrl: ({ id }, size, format = 'webp') => `${origin}/api/v1/pictures/${id}/${size}.${format}`,
    transport: () => transports.current,
    useTransport: (...only) => {
      if (!closed.aborted) transports.setAllowed(only)
    },
    close: async () => {
      const problem = clientClosed()
      closing.abort(problem)
      void channels.end(problem)
      removePageListeners()
      timers.cancelAll()
      live.close(problem)
      await offsets.flush()
    },
  }
}

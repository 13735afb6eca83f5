import {
  Calls,
  type CallOptions,
  type DataOf,
  type InputOf,
  type ListName,
  type OperationName,
  type Part,
} from './calls'
import { Channels, type Following, type TuttiEvent } from './channels'
import { Live } from './live'
import { clientClosed, type TuttiProblem } from './problem'
import { restRoad } from './rest-road'
import { type Road } from './road'
import { type Uploaded, type UploadFields, type UploadOptions, upload } from './upload'

export interface ClientOptions {
  /** The origin of the API, such as `https://api.example.org`. */
  url: string
  /** A bearer token, or how to get the one that is good now: asked at every connection and every call over REST. */
  token: string | (() => string | Promise<string>)
  /** `socket` (the default): calls go over the socket while it is connected, else over REST. `rest`: always over REST. */
  transport?: 'socket' | 'rest'
  /**
   * Hears what no call can throw: why the socket does not connect or was closed, and, with `channel`, why a channel is
   * not followed again after a reconnect, or that a listener threw. What is temporary is tried again without you.
   */
  onProblem?: (problem: TuttiProblem, channel?: string) => void
}

export interface FollowOptions {
  /** Events may have been missed while the connection was lost: read what you show anew. */
  onGap?: () => void
}

/** Every method throws TuttiProblem, for refusals as well as for a server that cannot be reached. */
export interface Client {
  /** The answer's `data`. Asked again over the other road when the first gives no answer; done once all the same. */
  call<N extends OperationName>(name: N, input: InputOf<N>, options?: CallOptions): Promise<DataOf<N>>
  /** A part of a list, `limit` rows at most (50, up to 200). */
  callPage<N extends ListName>(name: N, input: InputOf<N>): Promise<Part<N>>
  /** All parts of a list, each as it is asked for: `for await (const rows of client.pages(…))`. */
  pages<N extends ListName>(name: N, input: InputOf<N>): AsyncGenerator<DataOf<N>, void, undefined>
  /**
   * Hears what happens on a channel, such as `track:<id>`, from when the promise resolves. In the order in which it
   * happened; an event may come twice (compare `id`), and `onGap` says when some may be missing.
   */
  follow(channel: string, listener: (event: TuttiEvent) => void, options?: FollowOptions): Promise<Following>
  /** Sends an audio file and says what is known of it then: a worker goes on from there, and its events tell how. */
  upload(file: Blob | Uint8Array, fields: UploadFields, options?: UploadOptions): Promise<Uploaded>
  /** Ends the connection; calls that wait, and all later ones, throw `closed`. */
  close(): void
}

/** A client of one person: in a browser or in Node. */
export function createClient({ url, token, transport = 'socket', onProblem = () => undefined }: ClientOptions): Client {
  const origin = url.replace(/\/+$/, '')
  const source = async () => (typeof token === 'string' ? token : token())
  const live = new Live({ url: origin, token: source, tokenMayChange: typeof token !== 'string', onProblem })
  const channels = new Channels(live, onProblem)
  const rest = restRoad(origin, source)
  let isClosed = false
  const roads = (): readonly Road[] => {
    if (isClosed) throw clientClosed()
    if (transport === 'rest') return [rest]
    return live.isConnected ? [live, rest] : [rest, live]
  }
  const calls = new Calls(roads)
  if (transport === 'socket') live.open()
  return {
    call: (name, input, options) => calls.call(name, input, options),
    callPage: (name, input) => calls.callPage(name, input),
    pages: (name, input) => calls.pages(name, input),
    follow: (channel, listener, { onGap } = {}) => channels.follow(channel, { listener, onGap }),
    upload: (file, fields, options) => upload(calls, file, fields, options),
    close: () => {
      isClosed = true
      live.close()
    },
  }
}

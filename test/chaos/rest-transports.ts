import { type Problem } from '../../kernel/pipeline/refusals'
import { type CatchUp, type EventFrame } from '../../kernel/events/frames'
import { formatPosition } from '../../kernel/events/position'
import { type FollowerOptions } from './follower'
import { type ChannelReplica } from './channel-replica'

const waitS = 5
const answerWithinMs = (waitS + 5) * 1_000

/** One long poll; returns the problem, if there is one. */
export async function followWithLongPoll(
  options: FollowerOptions,
  side: ChannelReplica,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const requestId = side.startRequest()
  const response = await fetchEvents(
    options,
    side,
    `&wait=${waitS}`,
    'application/json',
    within(answerWithinMs, signal),
  )
  const body = await response?.json().then(
    answer => answer as { data?: CatchUp } | Problem,
    () => undefined,
  )
  if (body === undefined || signal.aborted) return undefined
  if ('code' in body) return body
  if (body.data !== undefined && side.isCurrent(requestId)) side.applyCatchUp(body.data)
  return undefined
}

/** One server-sent event stream, until it ends or has a gap. Aborts it after silence of more than two ping intervals. */
export async function followWithSse(
  options: FollowerOptions,
  side: ChannelReplica,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const cut = new AbortController()
  const requestId = side.startRequest()
  const response = await fetchEvents(options, side, '', 'text/event-stream', AbortSignal.any([signal, cut.signal]))
  if (response?.ok === false) return (await response.json().catch(() => undefined)) as Problem | undefined
  if (response?.body == null) return undefined
  const decoder = new TextDecoder()
  let text = ''
  let silenceTimer: NodeJS.Timeout | undefined
  try {
    for await (const chunk of response.body) {
      clearTimeout(silenceTimer)
      silenceTimer = setTimeout(() => cut.abort(), silenceMaxMs)
      const messages = (text + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        if (signal.aborted || !side.isCurrent(requestId)) return undefined
        const outcome = handle(side, message)
        if (outcome === true) return undefined
        if (outcome !== false) return outcome
      }
    }
  } catch {
    // The caller opens another stream.
  } finally {
    clearTimeout(silenceTimer)
    cut.abort()
  }
  return undefined
}

const silenceMaxMs = 35_000

/** Handles a message. True: reconnect; a problem: reconnect when it says. */
function handle(side: ChannelReplica, message: string): boolean | Problem {
  const fields = new Map(message.split('\n').map(line => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 2)]))
  const data = (): unknown => JSON.parse(fields.get('data') ?? 'null')
  switch (fields.get('event')) {
    case 'followed': {
      const { epoch, latestOffset: top, recovered, channel, state } = data() as CatchUp
      // The events follow as separate frames.
      const reached = recovered ? Math.min(top, side.position?.offset ?? 0) : top
      return side.applyCatchUp({ channel, state, epoch, recovered, latestOffset: reached, events: [], hasMore: false })
    }
    case 'events':
      return side.receiveFrame(data() as EventFrame) === 'hole'
    case 'channel.closed':
      return (data() as { problem: Problem }).problem
    case 'draining':
      return true
    default:
      return false
  }
}

async function fetchEvents(
  { urls, token, random }: FollowerOptions,
  { channel, position }: ChannelReplica,
  extraQuery: string,
  accept: string,
  signal: AbortSignal,
): Promise<Response | undefined> {
  const after = position === undefined ? '' : `after=${formatPosition(position)}`
  const url = `${random.pick(urls)}/api/v1/channels/${encodeURIComponent(channel)}/events?${after}${extraQuery}`
  return fetch(url, { headers: { accept, authorization: `Bearer ${token}` }, signal }).catch(() => undefined)
}

const within = (ms: number, signal: AbortSignal) => AbortSignal.any([signal, AbortSignal.timeout(ms)])

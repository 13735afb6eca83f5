import { type Application, type Request, type Response } from 'express'
import { type Pipeline } from '../kernel/pipeline/pipeline'
import { toRefusal } from '../kernel/pipeline/errors'
import { consumeLimit } from '../kernel/pipeline/limits'
import {
  channelEventsPath,
  channelEventsInput,
  channelStreamRequestsPerMinute,
  channelStreamsPerProfileMax,
  tooManyChannelStreams,
} from '../kernel/events/protocol'
import { refusals } from '../kernel/pipeline/refusals'
import { parse } from '../kernel/pipeline/schema'
import { coerceText } from '../kernel/pipeline/schema-inspection'
import { parsePosition } from '../kernel/events/position'
import { type ChannelStreams, type ChannelStreamRequest } from '../kernel/events/channel-streams'
import { authenticate } from './authenticate'
import { sendServerSentEvents, type SseLimits, defaultSseLimits } from './server-sent-events'
import { longPoll } from './long-poll'
import { requestIdOf } from './problems'
import { apiRoot } from './rest'

/** Binds `GET /channels/:channel/events`: the events of a channel by long polling or as server-sent events. */
export function bindChannelEvents(
  expressApp: Application,
  pipeline: Pipeline,
  streams: ChannelStreams,
  limits: SseLimits = defaultSseLimits,
): void {
  const { metrics } = pipeline.app
  const acquireSlot = createStreamSlots()

  async function serve(request: Request, response: Response): Promise<void> {
    const { wait, ...streamRequest } = await parseRequest(pipeline, request, response)
    const asEvents = request.accepts('application/json', 'text/event-stream') === 'text/event-stream'
    const kind = asEvents ? 'sse' : 'long-poll'
    const releaseSlot = asEvents || wait > 0 ? acquireSlot(streamRequest.actor.id) : () => undefined
    metrics.channelStreams.inc({ kind })
    let reason = 'answered'
    try {
      if (asEvents) reason = await sendServerSentEvents({ pipeline, streams, limits }, streamRequest, response)
      else await answer(response, disconnected => longPoll(streams, streamRequest, wait * 1_000, disconnected))
    } catch (error) {
      reason = toRefusal(error).kind.code
      throw error
    } finally {
      releaseSlot()
      metrics.channelStreams.dec({ kind })
      metrics.channelStreamsEnded.inc({ kind, reason })
    }
  }

  expressApp.all(apiRoot + channelEventsPath, async (request, response) => {
    // `all` instead of `get`: Express would handle a HEAD as a GET and follow the channel.
    if (request.method === 'GET') return serve(request, response)
    response.set('Allow', 'GET')
    throw refusals.methodNotAllowed()
  })
}

/** Authenticates, counts against the rate limit and validates, in the order of `execute`. */
async function parseRequest(
  pipeline: Pipeline,
  request: Request,
  response: Response,
): Promise<ChannelStreamRequest & { wait: number }> {
  const bearer = await authenticate(pipeline, request)
  if (bearer === null) throw refusals.notSignedIn()
  const { actor } = bearer
  await consumeLimit(pipeline.app, 'channels.getEvents', channelStreamRequestsPerMinute, {
    actor,
    ipAddress: request.ip ?? '',
  })
  const lastId = request.get('last-event-id') ?? ''
  const {
    channel,
    after,
    wait = 0,
  } = parse(channelEventsInput, {
    ...coerceText(channelEventsInput, { ...request.query }),
    ...(lastId === '' ? {} : { after: lastId }),
    channel: request.params.channel,
  })
  const position = after === undefined ? undefined : parsePosition(after)
  return { ...bearer, channel, after: position, wait, requestId: requestIdOf(response) }
}

async function answer(response: Response, poll: (disconnected: AbortSignal) => Promise<unknown>): Promise<void> {
  const disconnecting = new AbortController()
  response.once('close', () => disconnecting.abort())
  const data = await poll(disconnecting.signal)
  response.json({ data })
}

/** Limits the concurrent streams of a profile on this node. Acquiring a slot returns its release function. */
function createStreamSlots(): (profileId: string) => () => void {
  const used = new Map<string, number>()
  return profileId => {
    const count = used.get(profileId) ?? 0
    if (count >= channelStreamsPerProfileMax) throw tooManyChannelStreams(undefined, { retryAfter: 5 })
    used.set(profileId, count + 1)
    return () => {
      const remaining = (used.get(profileId) ?? 1) - 1
      if (remaining === 0) used.delete(profileId)
      else used.set(profileId, remaining)
    }
  }
}

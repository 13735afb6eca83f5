import { type Application, type Request, type Response } from 'express'
import { type Engine } from '../kernel/engine'
import { toRefusal } from '../kernel/faults'
import { takeFrom } from '../kernel/limits'
import {
  channelEventsPath,
  eventsWish,
  streamOpensPerMinute,
  streamsPerPersonMax,
  tooManyStreams,
} from '../kernel/protocol'
import { refusals } from '../kernel/refusals'
import { fromText, parse } from '../kernel/schema'
import { positionFromText } from '../kernel/stream'
import { type Streams, type StreamWish } from '../kernel/streams'
import { bearerOf } from './bearer'
import { streamEvents, type StreamLimits, usualStreamLimits } from './event-stream'
import { longPoll } from './long-poll'
import { requestIdOf } from './problems'
import { apiRoot } from './rest'

/** Binds `GET /channels/:channel/events`: the events of a channel by long polling or as server-sent events. */
export function bindChannelEvents(
  app: Application,
  engine: Engine,
  streams: Streams,
  limits: StreamLimits = usualStreamLimits,
): void {
  const { metrics } = engine.world
  const acquireSlot = createStreamSlots()

  async function serve(request: Request, response: Response): Promise<void> {
    const { wait, ...streamRequest } = await parseRequest(engine, request, response)
    const asEvents = request.accepts('application/json', 'text/event-stream') === 'text/event-stream'
    const kind = asEvents ? 'sse' : 'long-poll'
    const releaseSlot = asEvents || wait > 0 ? acquireSlot(streamRequest.actor.id) : () => undefined
    metrics.streams.inc({ kind })
    let reason = 'answered'
    try {
      if (asEvents) reason = await streamEvents({ engine, streams, limits }, streamRequest, response)
      else await answer(response, disconnected => longPoll(streams, streamRequest, wait * 1_000, disconnected))
    } catch (error) {
      reason = toRefusal(error).kind.code
      throw error
    } finally {
      releaseSlot()
      metrics.streams.dec({ kind })
      metrics.streamsEnded.inc({ kind, reason })
    }
  }

  app.all(apiRoot + channelEventsPath, async (request, response) => {
    // `all` instead of `get`: Express would handle a HEAD as a GET and follow the channel.
    if (request.method === 'GET') return serve(request, response)
    response.set('Allow', 'GET')
    throw refusals.methodNotAllowed()
  })
}

/** Authenticates, counts against the rate limit and validates, in the order of `execute`. */
async function parseRequest(
  engine: Engine,
  request: Request,
  response: Response,
): Promise<StreamWish & { wait: number }> {
  const bearer = await bearerOf(engine, request)
  if (bearer === null) throw refusals.notSignedIn()
  const { actor } = bearer
  await takeFrom(engine.world, 'channel.events', streamOpensPerMinute, { actor, address: request.ip ?? '' })
  const lastId = request.get('last-event-id') ?? ''
  const {
    channel,
    after,
    wait = 0,
  } = parse(eventsWish, {
    ...fromText(eventsWish, { ...request.query }),
    ...(lastId === '' ? {} : { after: lastId }),
    channel: request.params.channel,
  })
  const position = after === undefined ? undefined : positionFromText(after)
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
    if (count >= streamsPerPersonMax) throw tooManyStreams(undefined, { retryAfter: 5 })
    used.set(profileId, count + 1)
    return () => {
      const remaining = (used.get(profileId) ?? 1) - 1
      if (remaining === 0) used.delete(profileId)
      else used.set(profileId, remaining)
    }
  }
}

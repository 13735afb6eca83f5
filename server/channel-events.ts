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

/** `GET /channels/:channel/events`: what a channel says to whoever has no socket, by long-poll or as server-sent events. */
export function bindChannelEvents(
  app: Application,
  engine: Engine,
  streams: Streams,
  limits: StreamLimits = usualStreamLimits,
): void {
  const { metrics } = engine.world
  const isRoom = roomPerPerson()

  async function serve(request: Request, response: Response): Promise<void> {
    const { wait, ...wish } = await wishOf(engine, request, response)
    const asEvents = request.accepts('application/json', 'text/event-stream') === 'text/event-stream'
    const kind = asEvents ? 'sse' : 'long-poll'
    const leave = asEvents || wait > 0 ? isRoom(wish.actor.id) : () => undefined
    metrics.streams.inc({ kind })
    let reason = 'answered'
    try {
      if (asEvents) reason = await streamEvents({ engine, streams, limits }, wish, response)
      else await answer(response, gone => longPoll(streams, wish, wait * 1_000, gone))
    } catch (error) {
      reason = toRefusal(error).kind.code
      throw error
    } finally {
      leave()
      metrics.streams.dec({ kind })
      metrics.streamsEnded.inc({ kind, reason })
    }
  }

  app.all(apiRoot + channelEventsPath, async (request, response) => {
    // Express would answer a HEAD by following the channel.
    if (request.method === 'GET') return serve(request, response)
    response.set('Allow', 'GET')
    throw refusals.methodNotAllowed()
  })
}

/** Signed in? → within the limit? → valid? As for any operation. */
async function wishOf(engine: Engine, request: Request, response: Response): Promise<StreamWish & { wait: number }> {
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
  const place = after === undefined ? undefined : positionFromText(after)
  return { ...bearer, channel, after: place, wait, requestId: requestIdOf(response) }
}

async function answer(response: Response, ask: (gone: AbortSignal) => Promise<unknown>): Promise<void> {
  const leaving = new AbortController()
  response.once('close', () => leaving.abort())
  const data = await ask(leaving.signal)
  response.json({ data })
}

/** Takes a place of a person's, at most so many on one node; answers how to give it back. */
function roomPerPerson(): (profileId: string) => () => void {
  const taken = new Map<string, number>()
  return profileId => {
    const before = taken.get(profileId) ?? 0
    if (before >= streamsPerPersonMax) throw tooManyStreams(undefined, { retryAfter: 5 })
    taken.set(profileId, before + 1)
    return () => {
      const left = (taken.get(profileId) ?? 1) - 1
      if (left === 0) taken.delete(profileId)
      else taken.set(profileId, left)
    }
  }
}

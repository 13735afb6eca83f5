import { type Channels, type FollowOptions } from './channels'
import { type TuttiEvent } from './events'
import { type Follower, type ChannelHandlers, type DeliveryQueue } from './follower'
import { type TuttiProblem } from '../problem'
import { type Position } from './frames'

/** Limit of queued events; a slow consumer reads the rest from the channel log later. */
export const queuedEventsMax = 1_000

interface Entry {
  follower: Follower
  run: () => void
  position: Position
}

/** Yields the events of a channel on demand; calls `onSnapshot` and `onGap` in order between the events. */
export async function* iterateEvents(
  channels: Channels,
  name: string,
  { signal, ...options }: FollowOptions,
  handlers: ChannelHandlers,
): AsyncGenerator<TuttiEvent, void, undefined> {
  const queue: Entry[] = []
  let event: TuttiEvent | undefined
  let end: TuttiProblem | 'left' | undefined
  let wake = () => undefined as void
  const deliveries: DeliveryQueue = {
    get isFull() {
      return queue.length >= queuedEventsMax
    },
    push(follower, run, position) {
      queue.push({ follower, run, position })
      wake()
    },
  }
  const finish = (reason: TuttiProblem | 'left') => {
    end ??= reason
    wake()
  }
  signal?.addEventListener('abort', () => finish('left'), { once: true })
  const onEvent = (received: TuttiEvent) => (event = received)
  const onClosed = (problem: TuttiProblem) => {
    finish(problem.code === 'client_closed' ? 'left' : problem)
    return handlers.onClosed?.(problem)
  }
  const followed = await channels.follow(name, { ...handlers, onEvent, onClosed }, { ...options, signal }, deliveries)
  let current: Entry | undefined
  try {
    while (end !== 'left') {
      current = queue.shift()
      if (current !== undefined) {
        current.run()
        if (event !== undefined) {
          const next = event
          event = undefined
          yield next
        }
        current.follower.markDelivered(current.position)
        if (queue.length === 0) followed.resume()
      } else if (end !== undefined) throw end
      else await new Promise<void>(resolve => (wake = resolve))
    }
  } finally {
    if (current !== undefined) current.follower.markDelivered(current.position)
    await followed.unfollow()
  }
}

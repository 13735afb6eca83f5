import { type Channels, type FollowOptions } from './channels'
import { type TuttiEvent } from './events'
import { type Follower, type Handlers, type Outlet } from './follower'
import { type TuttiProblem } from './problem'
import { type Position } from './stream'

/** More is not kept for one who is slow to ask: it is read from the log of the channel when its turn comes. */
export const queueMax = 1_000

interface Entry {
  follower: Follower
  run: () => void
  place: Position
}

/** The events of a channel as they are asked for; snapshots and gaps are told where they belong among them. */
export async function* iterate(
  channels: Channels,
  name: string,
  { signal, ...options }: FollowOptions,
  handlers: Handlers,
): AsyncGenerator<TuttiEvent, void, undefined> {
  const queue: Entry[] = []
  let event: TuttiEvent | undefined
  let end: TuttiProblem | 'left' | undefined
  let wake = () => undefined as void
  const outlet: Outlet = {
    get isFull() {
      return queue.length >= queueMax
    },
    post(follower, run, place) {
      queue.push({ follower, run, place })
      wake()
    },
  }
  const finish = (how: TuttiProblem | 'left') => {
    end ??= how
    wake()
  }
  signal?.addEventListener('abort', () => finish('left'), { once: true })
  const onEvent = (heard: TuttiEvent) => (event = heard)
  const onClosed = (problem: TuttiProblem) => {
    finish(problem.code === 'closed' ? 'left' : problem)
    return handlers.onClosed?.(problem)
  }
  const followed = await channels.follow(name, { ...handlers, onEvent, onClosed }, { ...options, signal }, outlet)
  let asked: Entry | undefined
  try {
    while (end !== 'left') {
      asked = queue.shift()
      if (asked !== undefined) {
        asked.run()
        if (event !== undefined) {
          const next = event
          event = undefined
          yield next
        }
        asked.follower.give(asked.place)
        if (queue.length === 0) followed.goOn()
      } else if (end !== undefined) throw end
      else await new Promise<void>(resolve => (wake = resolve))
    }
  } finally {
    if (asked !== undefined) asked.follower.give(asked.place)
    await followed.stop()
  }
}

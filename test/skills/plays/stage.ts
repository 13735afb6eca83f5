import { type Answer } from '../../../kernel/execute'
import { getTrackPlays } from '../../../skills/plays/get-track-plays'
import { openPlay } from '../../../skills/plays/open-play'
import { settlePlays } from '../../../skills/plays/settle-plays'
import { tellProgress } from '../../../skills/plays/tell-progress'
import { askOverRest, type CallOptions, type Person } from '../../people'
import { type TestWorld } from '../../world'

export interface PlaySeen {
  id: string
  trackId: string
  outcome: string | null
}

/** Helpers that play tracks as a listener does. */
export function listening(world: TestWorld) {
  const advance = (ms: number) => world.clock.advance(ms)

  /** Advances the clock by `ms` and reports it as listened. */
  async function hear(
    person: Person,
    play: PlaySeen,
    ms: number,
    more: { isOver?: boolean; listenedMs?: number } = {},
    options?: CallOptions,
  ) {
    advance(ms)
    return person.call(tellProgress, { playId: play.id, positionMs: ms, listenedMs: ms, ...more }, options)
  }

  /** Plays a track of `ms` from start to end. */
  async function play(person: Person, trackId: string, ms: number) {
    return hear(person, await person.call(openPlay, { trackId }), ms, { isOver: true })
  }

  async function settle() {
    await world.world.jobs.enqueue(settlePlays, {})
    await world.work()
  }

  return {
    hear,
    play,
    settle,
    /** Calls an operation without a token. */
    anonymously: async (
      op: typeof openPlay | typeof tellProgress,
      input: unknown,
      headers: Record<string, string> = {},
    ): Promise<Answer & { data: PlaySeen }> =>
      (await askOverRest(world.nodes[0]?.url ?? '', op, input, headers)) as Answer & { data: PlaySeen },
    totals: async (owner: Person, trackId: string) => {
      await settle()
      return (await owner.call(getTrackPlays, { trackId })).totals
    },
  }
}

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

/** Plays, as somebody makes them. */
export function listening(world: TestWorld) {
  const pass = (ms: number) => world.clock.advance(ms)

  /** Listens for so long at once, and says so. */
  async function hear(
    person: Person,
    play: PlaySeen,
    ms: number,
    more: { isOver?: boolean; listenedMs?: number } = {},
    options?: CallOptions,
  ) {
    pass(ms)
    return person.call(tellProgress, { playId: play.id, positionMs: ms, listenedMs: ms, ...more }, options)
  }

  /** From the beginning to the end, which is after so long. */
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
    /** Without a token. */
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

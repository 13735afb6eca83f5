import { type Answer } from '../../../kernel/pipeline/call'
import { getTrackPlays } from '../../../skills/plays/get-track-plays'
import { startPlay } from '../../../skills/plays/start-play'
import { aggregatePlays } from '../../../skills/plays/aggregate-plays'
import { deleteExpiredPlayData } from '../../../skills/plays/delete-expired-play-data'
import { reportProgress } from '../../../skills/plays/report-progress'
import { requestOverRest, type CallOptions, type Person } from '../../person'
import { type TestApp } from '../../test-app'

export interface StartedPlay {
  id: string
  trackId: string
  outcome: string | null
}

/** Helpers that play tracks as a listener does. */
export function createPlayHelpers(testApp: TestApp) {
  const advance = (ms: number) => testApp.clock.advance(ms)

  /** Advances the clock by `ms` and reports it as listened. */
  async function listen(
    person: Person,
    play: StartedPlay,
    ms: number,
    more: { ended?: boolean; listenedMs?: number } = {},
    options?: CallOptions,
  ) {
    advance(ms)
    return person.call(reportProgress, { playId: play.id, positionMs: ms, listenedMs: ms, ...more }, options)
  }

  /** Plays a track of `ms` from start to end. */
  async function play(person: Person, trackId: string, ms: number) {
    return listen(person, await person.call(startPlay, { trackId }), ms, { ended: true })
  }

  async function settle() {
    await testApp.app.jobs.enqueue(aggregatePlays, {})
    await testApp.runJobs()
  }

  async function deleteExpired() {
    await testApp.app.jobs.enqueue(deleteExpiredPlayData, {})
    await testApp.runJobs()
  }

  return {
    listen,
    play,
    settle,
    deleteExpired,
    /** Calls an operation without a token. */
    anonymously: async (
      op: typeof startPlay | typeof reportProgress,
      input: unknown,
      headers: Record<string, string> = {},
    ): Promise<Answer & { data: StartedPlay }> =>
      (await requestOverRest(testApp.nodes[0]?.url ?? '', op, input, headers)) as Answer & { data: StartedPlay },
    totals: async (owner: Person, trackId: string) => {
      await settle()
      return (await owner.call(getTrackPlays, { trackId })).totals
    },
  }
}

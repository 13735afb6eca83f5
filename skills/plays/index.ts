import { type Skill } from '../../kernel/pipeline/registry'
import { clearHistory } from './clear-history'
import { nowPlayingChanged } from './events'
import { getNowPlaying } from './get-now-playing'
import { getTrackPlays } from './get-track-plays'
import { getHistorySettings } from './get-history-settings'
import { updateHistorySettings } from './update-history-settings'
import { listHistory } from './list-history'
import { startPlay } from './start-play'
import { aggregatePlays } from './aggregate-plays'
import { reportProgress } from './report-progress'

export const plays: Skill = {
  operations: [
    ...[startPlay, reportProgress, getNowPlaying, getTrackPlays],
    ...[listHistory, clearHistory, updateHistorySettings, getHistorySettings],
  ],
  events: [nowPlayingChanged],
  jobs: [aggregatePlays],
}

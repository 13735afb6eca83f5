import { type Skill } from '../../kernel/product'
import { clearHistory } from './clear-history'
import { playMoved } from './events'
import { getPlaying } from './get-playing'
import { getTrackPlays } from './get-track-plays'
import { isHistoryKept } from './is-history-kept'
import { keepHistory } from './keep-history'
import { listHistory } from './list-history'
import { openPlay } from './open-play'
import { settlePlays } from './settle-plays'
import { tellProgress } from './tell-progress'

export const plays: Skill = {
  operations: [
    ...[openPlay, tellProgress, getPlaying, getTrackPlays],
    ...[listHistory, clearHistory, keepHistory, isHistoryKept],
  ],
  events: [playMoved],
  jobs: [settlePlays],
}

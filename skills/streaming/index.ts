import { type Skill } from '../../kernel/product'
import { trackChannel } from './channel'
import { getTrack } from './get-track'

export const streaming: Skill = {
  operations: [getTrack],
  channels: [trackChannel],
}

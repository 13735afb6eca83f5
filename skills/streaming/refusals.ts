import { refusal } from '../../kernel/refusals'

export const notReady = refusal('not_ready', 409, 'The track has no audio to play yet')

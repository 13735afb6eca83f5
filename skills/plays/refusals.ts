import { refusal } from '../../kernel/refusals'

export const playForgotten = refusal('play_forgotten', 410, 'The play started too long ago: start another one')

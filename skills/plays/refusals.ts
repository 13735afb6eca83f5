import { refusal } from '../../kernel/refusals'

export const playForgotten = refusal('play_forgotten', 410, 'This play was begun too long ago: open another one')

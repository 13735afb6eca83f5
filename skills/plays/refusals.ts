import { refusal } from '../../kernel/pipeline/refusals'

export const playExpired = refusal('play_expired', 410, 'The play started too long ago: start another one')

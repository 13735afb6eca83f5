import { refusal } from '../../kernel/refusals'

export const alreadyResolved = refusal('already_resolved', 409, 'It was decided otherwise already')

import { refusal } from '../../kernel/refusals'

export const alreadyResolved = refusal('already_resolved', 409, 'The report is already resolved with another outcome')

import { refusal } from '../../kernel/pipeline/refusals'

export const alreadyResolved = refusal('already_resolved', 409, 'The report is already resolved with another outcome')

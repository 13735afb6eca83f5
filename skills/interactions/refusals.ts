import { refusal } from '../../kernel/pipeline/refusals'

export const ownTrack = refusal('own_track', 409, 'You cannot repost your own track')
export const notPublic = refusal('not_public', 409, 'Only public tracks can be reposted')
export const duplicateComment = refusal('duplicate_comment', 409, 'You have just posted the same comment')

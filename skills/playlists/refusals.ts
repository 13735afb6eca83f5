import { refusal } from '../../kernel/refusals'

export const itemGone = refusal('item_gone', 409, 'The item is not in the playlist any more')
export const playlistFull = refusal('playlist_full', 409, 'The playlist has as many items as it may')

import { type Skill } from '../../kernel/pipeline/registry'
import { addItem } from './add-item'
import { playlistChannel } from './channel'
import { createPlaylist } from './create-playlist'
import { deletePlaylist } from './delete-playlist'
import {
  itemAdded,
  itemRemoved,
  itemsMoved,
  playlistChanged,
  playlistCreated,
  playlistDeleted,
  playlistHidden,
  itemTrackChanged,
} from './events'
import { getPlaylist } from './get-playlist'
import { listProfilePlaylists } from './list-profile-playlists'
import { moveItem } from './move-item'
import { onTrackChanged, onTrackDeleted } from './on-track-changed'
import { removeItem } from './remove-item'
import { publishTrackChange } from './publish-track-change'
import { updatePlaylist } from './update-playlist'

export const playlists: Skill = {
  operations: [
    createPlaylist,
    getPlaylist,
    listProfilePlaylists,
    updatePlaylist,
    deletePlaylist,
    addItem,
    moveItem,
    removeItem,
  ],
  events: [
    ...[playlistCreated, playlistChanged, playlistHidden, playlistDeleted],
    ...[itemAdded, itemsMoved, itemRemoved, itemTrackChanged],
  ],
  channels: [playlistChannel],
  reactions: [onTrackChanged, onTrackDeleted],
  jobs: [publishTrackChange],
}

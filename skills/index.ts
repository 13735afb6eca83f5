import { type Registry, createRegistry } from '../kernel/pipeline/registry'
import { maintenance } from '../kernel/pipeline/maintenance'
import * as capabilities from './capabilities'
import * as feed from './feed'
import * as interactions from './interactions'
import * as listeningParty from './listening-party'
import * as moderation from './moderation'
import * as musicProcessing from './music-processing'
import * as musicUpload from './music-upload'
import * as notifications from './notifications'
import * as pictures from './pictures'
import * as playlists from './playlists'
import * as plays from './plays'
import * as search from './search'
import * as streaming from './streaming'
import * as tracks from './tracks'
import * as userProfile from './user-profile'
import { provisionProfile } from './user-profile/provision-profile'

/** Everything that the skills declare. Reactions to one event run in the order of this list. */
export const registry: Registry = createRegistry(
  [
    maintenance,
    userProfile,
    tracks,
    streaming,
    musicUpload,
    musicProcessing,
    plays,
    pictures,
    interactions,
    playlists,
    search,
    notifications,
    feed,
    listeningParty,
    moderation,
    capabilities,
  ],
  provisionProfile,
)

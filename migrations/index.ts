import { type Migration } from './migration'
import { kernel } from './2026-11-30-01-kernel'
import { channelLog } from './2026-11-30-02-channel-log'
import { profiles } from './2026-11-30-03-profiles'
import { tracks } from './2026-11-30-04-tracks'
import { audio } from './2026-11-30-05-audio'
import { pictures } from './2026-11-30-06-pictures'
import { interactions } from './2026-11-30-07-interactions'
import { playlists } from './2026-11-30-08-playlists'
import { plays } from './2026-11-30-09-plays'
import { notifications } from './2026-11-30-10-notifications'
import { parties } from './2026-11-30-11-parties'
import { reports } from './2026-11-30-12-reports'

/** All migrations, in the order in which they run. */
export const migrations: readonly Migration[] = [
  kernel,
  channelLog,
  profiles,
  tracks,
  audio,
  pictures,
  interactions,
  playlists,
  plays,
  notifications,
  parties,
  reports,
]

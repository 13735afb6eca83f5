import { type Migration } from './migration'
import { kernelTables } from './2026-11-22-01-kernel'
import { profiles } from './2026-11-22-02-profiles'
import { tracks } from './2026-11-22-03-tracks'
import { interactions } from './2026-11-22-04-interactions'
import { uploads } from './2026-11-22-05-uploads'
import { playlists } from './2026-11-22-06-playlists'
import { search } from './2026-11-22-07-search'
import { notifications } from './2026-11-22-08-notifications'
import { feed } from './2026-11-22-09-feed'
import { parties } from './2026-11-22-10-parties'
import { reports } from './2026-11-22-11-reports'
import { channelLog } from './2026-11-22-12-channel-log'
import { tallies } from './2026-11-22-13-tallies'
import { revocations } from './2026-11-22-14-revocations'
import { appendInSteps } from './2026-11-23-15-append-in-steps'
import { plays } from './2026-11-23-16-plays'
import { trackAudio } from './2026-11-23-17-track-audio'
import { uploadsInParts } from './2026-11-23-18-uploads-in-parts'
import { pictures } from './2026-11-23-19-pictures'
import { whoMayHear } from './2026-11-23-20-who-may-hear'
import { downloads } from './2026-11-23-21-downloads'
import { lifeOfAnUpload } from './2026-11-23-22-life-of-an-upload'
import { whatIsHeard } from './2026-11-23-23-what-is-heard'
import { sameContent } from './2026-11-23-24-same-content'
import { cleanDownloads } from './2026-11-23-25-clean-downloads'
import { oneListener } from './2026-11-23-27-one-listener'
import { replacedPictures } from './2026-11-23-28-replaced-pictures'
import { appendByValues } from './2026-11-23-29-append-by-values'
import { channelInbox } from './2026-11-23-30-channel-inbox'

/** All migrations, in the order in which they run. */
export const migrations: readonly Migration[] = [
  kernelTables,
  profiles,
  tracks,
  interactions,
  uploads,
  playlists,
  search,
  notifications,
  feed,
  parties,
  reports,
  channelLog,
  tallies,
  revocations,
  appendInSteps,
  plays,
  trackAudio,
  uploadsInParts,
  pictures,
  whoMayHear,
  downloads,
  lifeOfAnUpload,
  whatIsHeard,
  sameContent,
  cleanDownloads,
  oneListener,
  replacedPictures,
  appendByValues,
  channelInbox,
]

import { Block } from './block'
import { Comment } from './comment'
import { Fingerprint } from './fingerprint'
import { FingerprintMatch } from './fingerprint-match'
import { Follow } from './follow'
import { HandleRedirect } from './handle-redirect'
import { NotificationInbox } from './notification-inbox'
import { Like } from './like'
import { Notification } from './notification'
import { NotificationActor } from './notification-actor'
import { Party } from './party'
import { PartyItem } from './party-item'
import { PartyMember } from './party-member'
import { Picture } from './picture'
import { Play } from './play'
import { Playlist } from './playlist'
import { PlaylistItem } from './playlist-item'
import { Profile } from './profile'
import { Report } from './report'
import { Repost } from './repost'
import { Track } from './track'
import { TrackAudio } from './track-audio'
import { TrackLinkHolder } from './track-link-holder'
import { Upload } from './upload'
import { Waveform } from './waveform'

export const models = [
  Block,
  Comment,
  Fingerprint,
  FingerprintMatch,
  Follow,
  HandleRedirect,
  NotificationInbox,
  Like,
  Notification,
  NotificationActor,
  Party,
  PartyItem,
  PartyMember,
  Picture,
  Play,
  Playlist,
  PlaylistItem,
  Profile,
  Report,
  Repost,
  Track,
  TrackAudio,
  TrackLinkHolder,
  Upload,
  Waveform,
]

export {
  Block,
  Comment,
  Fingerprint,
  FingerprintMatch,
  Follow,
  HandleRedirect,
  NotificationInbox,
  Like,
  Notification,
  NotificationActor,
  Party,
  PartyItem,
  PartyMember,
  Picture,
  Play,
  Playlist,
  PlaylistItem,
  Profile,
  Report,
  Repost,
  Track,
  TrackAudio,
  TrackLinkHolder,
  Upload,
  Waveform,
}

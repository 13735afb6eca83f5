import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The rooms that write a table, as the start of a path. Any room may read any table. A table with several writers says why.
 * SQL in a string is an import too: without this list two skills would share a table unnoticed.
 */
export const tableWriters: Readonly<Record<string, readonly string[]>> = {
  // The pipeline and the channel log.
  idempotency_keys: ['kernel/pipeline/'],
  workers: ['kernel/events/'],
  revocations: ['kernel/platform/'],
  bucket_sweeps: ['kernel/platform/'],
  event_inbox: ['kernel/events/'],
  // Operations insert changes; the flusher deletes what it has applied.
  counter_changes: ['kernel/events/', 'realtime/state/'],
  // Written by functions of the schema alone, which the relay calls.
  channels: [],
  channel_events: [],
  channel_events_default: [],
  channel_log_generation: [],
  pending_events: [],

  blocks: ['skills/user-profile/'],
  follows: ['skills/user-profile/'],
  handle_redirects: ['skills/user-profile/'],
  // Pictures set the avatar that is shown, plays the history setting: columns that no other skill writes.
  profiles: ['skills/user-profile/', 'skills/pictures/', 'skills/plays/'],

  // The upload inserts the row, which its own row refers to; interactions own the counts, pictures the artwork columns.
  tracks: ['skills/tracks/', 'skills/music-upload/finalize-upload.ts', 'skills/interactions/', 'skills/pictures/'],
  track_link_holders: ['skills/tracks/'],
  // One state machine: the client's half in music-upload, the worker's half in music-processing.
  uploads: ['skills/music-upload/', 'skills/music-processing/'],
  track_audio: ['skills/music-processing/'],
  waveforms: ['skills/music-processing/'],
  fingerprints: ['skills/music-processing/'],
  fingerprint_matches: ['skills/music-processing/'],
  pictures: ['skills/pictures/'],

  likes: ['skills/interactions/'],
  reposts: ['skills/interactions/'],
  comments: ['skills/interactions/'],
  playlists: ['skills/playlists/'],
  playlist_items: ['skills/playlists/'],

  plays: ['skills/plays/'],
  play_totals: ['skills/plays/'],
  history_entries: ['skills/plays/'],
  repeat_windows: ['skills/plays/'],
  network_play_counters: ['skills/plays/'],
  listener_time_claims: ['skills/plays/'],
  listener_salts: ['skills/plays/'],

  notifications: ['skills/notifications/'],
  notification_actors: ['skills/notifications/'],
  notification_inboxes: ['skills/notifications/'],
  parties: ['skills/listening-party/'],
  party_items: ['skills/listening-party/'],
  party_members: ['skills/listening-party/'],
  reports: ['skills/moderation/'],
}

/** Variables that hold a row of another model than the one they are named after. */
const rowVariables: Readonly<Record<string, string>> = {
  member: 'PartyMember',
  audio: 'TrackAudio',
  follower: 'Profile',
  followee: 'Profile',
}

/** Tables that a file writes without being listed above: in SQL, by a model, or by a row of a model. */
export function writeOffences(file: string, source: string, models: ReadonlyMap<string, string>): string[] {
  return [...new Set(tablesWritten(source, models))]
    .filter(table => !(tableWriters[table]?.some(start => file.startsWith(start)) ?? false))
    .map(table => `${file} writes ${table}`)
}

function tablesWritten(source: string, models: ReadonlyMap<string, string>): string[] {
  const inSql = [...source.matchAll(sqlWrite)].map(([, table = '']) => table.toLowerCase())
  const byModel = [...source.matchAll(modelWrite)].map(([, one, other]) => models.get(one ?? other ?? ''))
  const byRow = [...source.matchAll(rowWrite)].map(([, variable = '']) =>
    models.get(rowVariables[variable] ?? `${variable.charAt(0).toUpperCase()}${variable.slice(1)}`),
  )
  // Prose also says "update the": only tables count.
  return [...inSql.filter(table => Object.hasOwn(tableWriters, table)), ...byModel, ...byRow].flatMap(
    table => table ?? [],
  )
}

const sqlWrite = /\b(?:insert\s+into|update|delete\s+from|merge\s+into|truncate)\s+(?:only\s+)?([a-z_]+)/gi
const modelWrite =
  /\b([A-Z]\w+)\.(?:create|bulkCreate|upsert|update|destroy|increment|decrement|findOrCreate)\(|\binsertIfAbsent\(\s*([A-Z]\w+)/g
const rowWrite = /\b([a-z]\w*)\.(?:update|save|destroy|increment|decrement)\(/g

/** The table of each model, by its name. */
export function tablesOfModels(root: string): ReadonlyMap<string, string> {
  const folder = join(root, 'models')
  const sources = readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'))
  return new Map(
    sources.flatMap(source => {
      const [, table] = /tableName: '(\w+)'/.exec(source) ?? []
      const [, model] = /export class (\w+)/.exec(source) ?? []
      return table === undefined || model === undefined ? [] : [[model, table] as const]
    }),
  )
}

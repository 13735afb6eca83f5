import { QueryTypes, type Sequelize } from 'sequelize'
import { type Migration } from './migration'

/** 32 random bytes (those of two UUIDs, less their 12 fixed bits) as 43 characters of base64url. */
const randomSecret = `translate(encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'), '+/=', '-_')`

const rowsPerBatch = 5_000

/**
 * Who may hear a track, besides everybody and its owner: followers, whoever was given its secret link, and nobody else
 * until it is released. A track that waits for its release is private, and `release_as` is what it becomes: the indexes
 * and the previous release need to know nothing of it. The models do not know `secret`, so that it is in no row that travels.
 */
export const whoMayHear: Migration = {
  name: '2026-11-23-20-who-may-hear',

  async up(database) {
    await database.query(columns)
    // Not one statement: each batch holds its rows only while it writes them. The previous release inserts by the default.
    while ((await writeSome(database)) > 0);
    await database.query(rest)
  },

  down: database => database.query(back),
}

async function writeSome(database: Sequelize): Promise<number> {
  const [written] = await database.query<{ rows: number }>(
    `with batch as (
       update tracks set secret = ${randomSecret}
       where id in (select id from tracks where secret is null limit ${rowsPerBatch}) returning 1
     ) select cast(count(*) as integer) as rows from batch`,
    { type: QueryTypes.SELECT },
  )
  return written?.rows ?? 0
}

/** Constraints are checked after they are there, which lets others write. What is there already stays: a run may have broken off. */
const columns = `
  alter table tracks add column if not exists secret text check (length(secret) >= 43);
  alter table tracks alter column secret set default ${randomSecret};
  alter table tracks add column if not exists release_at timestamptz;
  alter table tracks add column if not exists release_as text check (release_as in ('public', 'followers', 'unlisted', 'private'));
  alter table tracks drop constraint if exists tracks_wait_for_release;
  alter table tracks add constraint tracks_wait_for_release check (release_as is null or release_at is not null) not valid;
  alter table tracks drop constraint if exists tracks_visibility_check;
  alter table tracks add constraint tracks_visibility_check
    check (visibility in ('public', 'followers', 'unlisted', 'private')) not valid;
  alter table uploads add column if not exists release_at timestamptz;
  alter table uploads drop constraint if exists uploads_visibility_check;
  alter table uploads add constraint uploads_visibility_check
    check (visibility in ('public', 'followers', 'unlisted', 'private')) not valid;

  -- Who came by the secret link of a track: it is theirs to see until the link is reset.
  create table if not exists track_guests (
    track_id uuid not null references tracks on delete cascade,
    profile_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (track_id, profile_id)
  );
  create index if not exists track_guests_of_profile on track_guests (profile_id);`

const rest = `
  alter table tracks validate constraint tracks_wait_for_release;
  alter table tracks validate constraint tracks_visibility_check;
  alter table uploads validate constraint uploads_visibility_check;
  -- Copies of tracks that were reported are shown as tracks are.
  update reports set copy = jsonb_set(copy, '{track,releaseAt}', 'null')
    where copy -> 'track' is not null and copy #> '{track,releaseAt}' is null;
  create index if not exists tracks_to_release on tracks (release_at) where release_as is not null;
  create index if not exists tracks_for_followers on tracks (owner_id) where visibility = 'followers' and removed_at is null;`

/** What only some might hear nobody else hears. */
const back = `
  drop index tracks_for_followers;
  drop index tracks_to_release;
  drop table track_guests;
  update uploads set visibility = 'private' where visibility = 'followers' or release_at is not null;
  alter table uploads drop constraint uploads_visibility_check;
  alter table uploads add constraint uploads_visibility_check check (visibility in ('public', 'unlisted', 'private'));
  alter table uploads drop column release_at;
  update tracks set visibility = 'private' where visibility in ('followers', 'unlisted');
  alter table tracks drop constraint tracks_visibility_check;
  alter table tracks add constraint tracks_visibility_check check (visibility in ('public', 'unlisted', 'private'));
  alter table tracks drop constraint tracks_wait_for_release;
  alter table tracks drop column release_as;
  alter table tracks drop column release_at;
  alter table tracks drop column secret;`

import { sqlMigration } from './migration'

/** 32 random bytes (those of two UUIDs, less their 12 fixed bits) as 43 characters of base64url. */
const randomSecret = `translate(encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'), '+/=', '-_')`

/** Tracks, and who has opened the secret link of one. */
export const tracks = sqlMigration(
  '2026-11-30-04-tracks',
  `
  create table tracks (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    title text not null check (length(title) between 1 and 200),
    description text not null default '' check (length(description) <= 5000),
    genre text check (length(genre) between 1 and 60),
    -- followers: followers of the artist; unlisted: holders of the secret link; private: the artist alone.
    visibility text not null check (visibility in ('public', 'followers', 'unlisted', 'private')),
    -- Of the secret link. Not a column of the model, so that no view can leak it.
    secret text not null default ${randomSecret} check (length(secret) >= 43),
    -- A track that waits for its release is private; \`release_visibility\` is the visibility it then gets, null again after the
    -- release.
    release_at timestamptz,
    release_visibility text check (release_visibility in ('public', 'followers', 'unlisted', 'private')),
    is_downloadable boolean not null default false,

    -- processing: no audio yet; failed: its file could not be used.
    state text not null check (state in ('processing', 'ready', 'failed')),
    -- Object key of the uploaded file, and the id of the upload it is from. Both are new with every replacement of the audio.
    audio_key text,
    audio_version uuid,
    content_type text,
    duration_ms integer check (duration_ms > 0),
    bitrate integer,
    sample_rate integer,
    channels integer,
    -- Title, artist, album, ... as the file says: shown to the artist as suggestions.
    tags jsonb,

    -- A picture and its colour, copied here so that lists need no join. No foreign key: pictures refer to their track already.
    artwork_id uuid,
    artwork_color text,
    like_count integer not null default 0 check (like_count >= 0),
    repost_count integer not null default 0 check (repost_count >= 0),
    comment_count integer not null default 0 check (comment_count >= 0),
    -- Clients keep the counts with the highest revision; \`rev\` is that of all other fields.
    counts_rev integer not null default 1,
    rev integer not null default 1,
    created_at timestamptz not null,
    -- When it first was ready and visible to followers: the order of feeds.
    published_at timestamptz,
    -- Deleted: hidden from everybody. The row stays for what refers to it.
    deleted_at timestamptz,
    constraint tracks_release_needs_instant check (release_visibility is null or release_at is not null),
    check (state <> 'ready'
      or (audio_key is not null and audio_version is not null and duration_ms is not null and content_type is not null))
  );
  create index tracks_of_owner on tracks (owner_id, created_at desc, id desc) where deleted_at is null;
  create index tracks_published on tracks (published_at desc, id desc) where deleted_at is null and published_at is not null;
  -- The feed reads the newest tracks of each followed artist.
  create index tracks_published_of_owner on tracks (owner_id, published_at desc, id desc)
    where deleted_at is null and published_at is not null;
  create index tracks_for_followers on tracks (owner_id) where visibility = 'followers' and deleted_at is null;
  create index tracks_to_release on tracks (release_at) where release_visibility is not null;
  create index tracks_title_trigrams on tracks using gin (lower(title) gin_trgm_ops)
    where visibility = 'public' and state = 'ready' and deleted_at is null;
  create index tracks_by_genre on tracks (lower(genre))
    where visibility = 'public' and state = 'ready' and deleted_at is null;

  -- People who opened the secret link of a track: they may see it while it is unlisted, until the link is reset.
  create table track_link_holders (
    track_id uuid not null references tracks on delete cascade,
    profile_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (track_id, profile_id)
  );
  create index track_link_holders_of_profile on track_link_holders (profile_id);
  `,
  'drop table track_link_holders, tracks;',
)

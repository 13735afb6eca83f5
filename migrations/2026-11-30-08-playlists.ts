import { sqlMigration } from './migration'

export const playlists = sqlMigration(
  '2026-11-30-08-playlists',
  `
  create table playlists (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    title text not null check (length(title) between 1 and 200),
    description text not null default '' check (length(description) <= 5000),
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    rev integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- Deleted: hidden from everybody.
    deleted_at timestamptz
  );
  create index playlists_of_owner on playlists (owner_id, id desc) where deleted_at is null;

  create table playlist_items (
    id uuid primary key,
    playlist_id uuid not null references playlists on delete cascade,
    -- Null once the track or the account is erased: the item keeps its rank.
    track_id uuid references tracks on delete set null,
    added_by uuid references profiles on delete set null,
    -- Fractional index in base 62, compared bytewise: moving an item changes one row.
    rank text collate "C" not null check (rank ~ '^[0-9A-Za-z]{0,63}[1-9A-Za-z]$'),
    added_at timestamptz not null,
    -- Deferrable: checked at the end of a statement that gives every item a new rank, not at each row.
    unique (playlist_id, rank) deferrable initially immediate
  );
  create index playlist_items_of_track on playlist_items (track_id);
  create index playlist_items_of_profile on playlist_items (added_by);
  `,
  'drop table playlist_items, playlists;',
)

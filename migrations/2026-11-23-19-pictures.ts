import { sqlMigration } from './migration'

/**
 * Avatars and artwork. What is shown is noted on the profile and the track as well, so that lists read it with the row; no
 * foreign key there, since it would turn in a circle with the picture's owner.
 */
export const pictures = sqlMigration(
  '2026-11-23-19-pictures',
  `
  create sequence picture_turns;
  create table pictures (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    purpose text not null check (purpose in ('avatar', 'artwork')),
    track_id uuid references tracks on delete cascade,
    state text not null check (state in
      ('initiated', 'uploaded', 'ready', 'rejected', 'failed', 'aborted', 'expired', 'replaced', 'removed')),
    fault jsonb,
    file_name text not null check (length(file_name) between 1 and 255),
    content_type text not null,
    size_bytes integer not null check (size_bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    etag text,
    turn bigint,
    color text check (color ~ '^#[0-9a-f]{6}$'),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    put_expires_at timestamptz not null,
    uploaded_at timestamptz,
    check ((purpose = 'artwork') = (track_id is not null)),
    -- What was sent is pinned by its ETag, and has its turn, from the moment that it was said to be there.
    check (state in ('initiated', 'aborted', 'expired')
      or (etag is not null and turn is not null and uploaded_at is not null)),
    check ((state in ('rejected', 'failed')) = (fault is not null)),
    check (state not in ('ready', 'replaced') or color is not null)
  );
  create index pictures_of_owner on pictures (owner_id, created_at desc, id desc);
  create index pictures_of_track on pictures (track_id, id) where track_id is not null;
  create index pictures_waiting on pictures (expires_at) where state = 'initiated';
  create index pictures_at_work on pictures (uploaded_at) where state = 'uploaded';

  alter table profiles add column avatar_id uuid, add column avatar_color text;
  alter table tracks add column artwork_id uuid, add column artwork_color text;
  `,
  `
  alter table tracks drop column artwork_id, drop column artwork_color;
  alter table profiles drop column avatar_id, drop column avatar_color;
  drop table pictures;
  drop sequence picture_turns;
  `,
)

import { sqlMigration } from './migration'

/** Uploads of avatars and artwork. The picture that is shown is also noted on its profile or track. */
export const pictures = sqlMigration(
  '2026-11-30-06-pictures',
  `
  create sequence picture_finalize_order;

  create table pictures (
    -- UUIDv4: the unguessable part of a public URL.
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    purpose text not null check (purpose in ('avatar', 'artwork')),
    track_id uuid references tracks on delete cascade,
    -- ready: the one that is shown; replaced: by a newer one; removed: unset by its owner or a moderator.
    state text not null check (state in
      ('initiated', 'uploaded', 'ready', 'rejected', 'failed', 'aborted', 'expired', 'replaced', 'removed')),
    -- {code, message}
    error jsonb,
    file_name text not null check (length(file_name) between 1 and 255),
    content_type text not null,
    size_bytes integer not null check (size_bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    -- Pins the bytes that were finalized: presigned URLs may overwrite the object later.
    etag text,
    -- From picture_finalize_order, at finalizing: of two pictures for one avatar the later one wins, whichever is rendered first.
    finalize_order bigint,
    -- Placeholder until the picture is loaded.
    color text check (color ~ '^#[0-9a-f]{6}$'),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    put_url_expires_at timestamptz not null,
    uploaded_at timestamptz,
    -- Its files are deleted some time after.
    replaced_at timestamptz,
    check ((purpose = 'artwork') = (track_id is not null)),
    check (state in ('initiated', 'aborted', 'expired')
      or (etag is not null and finalize_order is not null and uploaded_at is not null)),
    check ((state in ('rejected', 'failed')) = (error is not null)),
    check (state not in ('ready', 'replaced') or color is not null),
    check (state <> 'replaced' or replaced_at is not null)
  );
  create index pictures_of_owner on pictures (owner_id, created_at desc, id desc);
  create index pictures_of_track on pictures (track_id, id) where track_id is not null;
  create index pictures_initiated on pictures (expires_at) where state = 'initiated';
  create index pictures_uploaded on pictures (uploaded_at) where state = 'uploaded';
  `,
  'drop table pictures; drop sequence picture_finalize_order;',
)

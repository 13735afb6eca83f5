import { sqlMigration } from './migration'

/** Large files come in parts, and nobody has to know their SHA-256 beforehand. How far the sweep of the bucket has got. */
export const uploadsInParts = sqlMigration(
  '2026-11-23-18-uploads-in-parts',
  `
  alter table uploads
    alter column sha256 drop not null,
    add column part_bytes integer check (part_bytes >= 5242880),
    add column multipart_id text check (multipart_id is null or part_bytes is not null),
    add column duplicate_of uuid references tracks on delete set null;
  create index uploads_duplicates on uploads (duplicate_of) where duplicate_of is not null;
  create table bucket_sweeps (
    area text primary key,
    place text not null default '',
    found integer not null default 0
  );
  `,
  `
  drop table bucket_sweeps;
  alter table uploads
    drop column duplicate_of,
    drop column multipart_id,
    drop column part_bytes;
  update uploads set sha256 = repeat('0', 64) where sha256 is null;
  alter table uploads alter column sha256 set not null;
  `,
)

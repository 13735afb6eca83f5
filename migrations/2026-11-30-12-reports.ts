import { sqlMigration } from './migration'

/** Reports to the moderators. */
export const reports = sqlMigration(
  '2026-11-30-12-reports',
  `
  create table reports (
    id uuid primary key,
    -- Null once the account is erased: the report stays.
    reporter_id uuid references profiles on delete set null,
    subject_kind text not null check (subject_kind in ('track', 'comment', 'profile', 'playlist')),
    subject_id uuid not null,
    reason text not null check (reason in ('spam', 'abuse', 'copyright', 'illegal', 'other')),
    note text not null default '' check (length(note) <= 1000),
    -- The subject as it was when it was reported: evidence, should it be changed or deleted.
    reported_copy jsonb not null,
    created_at timestamptz not null,
    -- Null as long as the report is open.
    outcome text check (outcome in ('dismissed', 'upheld')),
    resolution_note text not null default '' check (length(resolution_note) <= 1000),
    resolved_by uuid references profiles on delete set null,
    resolved_at timestamptz,
    unique (reporter_id, subject_kind, subject_id),
    check ((outcome is null) = (resolved_at is null)),
    check (outcome is not null or (resolved_by is null and resolution_note = ''))
  );
  create index reports_open on reports (id) where outcome is null;
  create index reports_resolved on reports (id) where outcome is not null;
  create index reports_of_subject on reports (subject_kind, subject_id);
  create index reports_of_resolver on reports (resolved_by);
  `,
  'drop table reports;',
)

import { sqlMigration } from './migration'

export const revocations = sqlMigration(
  '2026-11-22-14-revocations',
  `
  create table revocations (
    id bigint generated always as identity primary key,
    profile_id uuid not null references profiles on delete cascade,
    -- Null: every session of the person, save the excepted one.
    session_id text check (length(session_id) between 1 and 255),
    except_session_id text check (length(except_session_id) between 1 and 255),
    -- Tokens issued until this instant are refused.
    until timestamptz not null,
    -- A moderator, or the person.
    ended_by uuid references profiles on delete set null,
    -- The numbers of rows do not follow the commits; with the transaction's own number a reader can tell what it has seen.
    written_by xid8 not null default pg_current_xact_id(),
    check (session_id is null or except_session_id is null)
  );
  create index revocations_written_by on revocations (written_by);
  create index revocations_of_profile on revocations (profile_id);
  create index revocations_of_ender on revocations (ended_by);
  create index revocations_until on revocations (until);
  `,
  'drop table revocations;',
)

import { sqlMigration } from './migration'

export const notifications = sqlMigration(
  '2026-11-30-10-notifications',
  `
  -- One for each person with notifications. Every change of a person's notifications locks it first, so that they have one
  -- order whatever the clocks of the nodes say: each activity gets a later \`latest_at\` than the one before.
  create table notification_inboxes (
    profile_id uuid primary key references profiles on delete cascade,
    latest_at timestamptz not null,
    -- Read marker, the same on all devices.
    read_until timestamptz check (read_until <= latest_at)
  );

  -- "Ann and 3 others liked your track": what some people did to one target, grouped until it is read.
  create table notifications (
    id uuid primary key,
    recipient_id uuid not null references notification_inboxes on delete cascade,
    kind text not null check (kind in ('liked', 'reposted', 'commented', 'followed', 'published')),
    -- The track, the comment, or for a follow the recipient.
    target_id uuid not null,
    track_id uuid references tracks on delete cascade,
    comment_id uuid references comments on delete cascade,
    -- Actors that did not withdraw. A notification with 0 is not shown.
    actor_count integer not null check (actor_count >= 0),
    latest_at timestamptz not null,
    is_read boolean not null default false,
    check ((kind = 'followed') = (track_id is null)),
    check ((kind = 'commented') = (comment_id is not null))
  );
  create unique index notifications_unread on notifications (recipient_id, kind, target_id) where not is_read;
  create index notifications_by_target on notifications (recipient_id, kind, target_id);
  create index notifications_of_recipient on notifications (recipient_id, latest_at desc, id desc);
  create index notifications_by_age on notifications (latest_at);
  create index notifications_of_track on notifications (track_id);
  create index notifications_of_comment on notifications (comment_id);

  create table notification_actors (
    notification_id uuid not null references notifications on delete cascade,
    actor_id uuid not null references profiles on delete cascade,
    at timestamptz not null,
    -- Undone (unliked, unfollowed, ...) before it was read.
    withdrawn boolean not null default false,
    -- Cool-down: the same actor doing the same again before then does not notify.
    cool_down_until timestamptz not null,
    primary key (notification_id, actor_id)
  );
  create index notification_actors_latest on notification_actors (notification_id, at desc) where not withdrawn;
  create index notification_actors_of_actor on notification_actors (actor_id);
  `,
  'drop table notification_actors, notifications, notification_inboxes;',
)

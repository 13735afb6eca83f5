import { event, reaction } from '../../kernel/event'
import { newId } from '../../kernel/ids'
import { job } from '../../kernel/job'
import { operation } from '../../kernel/operation'
import { pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { productOf, type Skill } from '../../kernel/product'
import { refusals } from '../../kernel/refusals'
import { count, id, line, optional, shape, whole, written } from '../../kernel/schema'
import { arrive, userProfile } from '../../skills/user-profile'

/** The tables of a minimal registry for tests of the kernel; some of its operations misbehave. */
export const notesTable = `
  create table notes (id uuid primary key, owner uuid not null, body text not null, rev integer not null default 1);
  create table echoes (note uuid primary key references notes)`

const noteView = shape({ id, body: written, rev: count })

export const noteAdded = event({
  name: 'notes.noteAdded',
  summary: 'A note was added',
  payload: shape({ id, owner: id, body: written }),
  channels: ({ owner }) => [`user:${owner}`],
  stale: note => [`note:${note.id}`],
})

export const copyNote = job({
  name: 'notes.copyNote',
  payload: shape({ id }),
  attemptsMax: 3,
  async run({ id: note }, { world, transact, attempt }) {
    if (hooks.copyFails >= attempt) throw new Error('the copier is out of paper')
    await transact(async ({ emit }) => {
      await world.db.query(`insert into echoes values (:note) on conflict do nothing`, { note })
      await emit(noteAdded, { id: note, owner: note, body: 'copied' })
    })
  },
})

/** Switches with which a test makes operations, reactions and jobs fail. */
export const hooks = {
  reactionFails: false,
  copyFails: 0,
  duringAdd: async (): Promise<void> => undefined,
}

const echo = reaction({
  to: noteAdded,
  because: 'every note has an echo',
  async react({ id: note, body }, { world }) {
    if (hooks.reactionFails) throw refusals.conflict('no echo')
    if (body !== 'copied') await world.db.query('insert into echoes values (:note)', { note })
  },
})

const signedIn = { who: 'signed-in', limit: { perMinute: 100_000 }, load: async () => null, allow: () => true } as const

export const addNote = operation({
  ...signedIn,
  name: 'notes.addNote',
  route: 'POST /notes',
  summary: 'Add a note',
  input: shape({ body: line(100) }),
  output: noteView,
  idempotency: 'keyed',
  status: 201,
  async run({ input: { body }, actor }, { world, now, emit, enqueue }) {
    const note = newId(now)
    await world.db.query('insert into notes values (:note, :owner, :body)', { note, owner: actor.id, body })
    await emit(noteAdded, { id: note, owner: actor.id, body })
    await enqueue(copyNote, { id: note })
    await hooks.duringAdd()
    if (body === 'refuse') throw refusals.conflict('as wished')
    if (body === 'break') throw new Error('a bug, with a secret inside')
    return { id: note, body, rev: 1 }
  },
})

export const editNote = operation({
  ...signedIn,
  name: 'notes.editNote',
  route: 'PATCH /notes/:noteId',
  summary: 'Change a note',
  input: shape({ noteId: id, body: optional(line(100)), rev: optional(whole(1, 1_000_000)) }),
  output: noteView,
  idempotency: 'natural',
  async run({ input: { noteId, body = '', rev } }, { world }) {
    const find = 'select id, body, rev from notes where id = :noteId for update'
    const [note] = await world.db.query<{ id: string; body: string; rev: number }>(find, { noteId })
    if (note === undefined) throw refusals.notFound()
    if (rev !== undefined && rev !== note.rev) throw refusals.staleRevision(undefined, { current: note })
    const changed = { id: noteId, body, rev: note.rev + 1 }
    await world.db.query('update notes set body = :body, rev = :rev where id = :id', changed)
    return changed
  },
})

export const listNotes = operation({
  ...signedIn,
  name: 'notes.listNotes',
  route: 'GET /notes',
  summary: 'List your notes',
  input: shape({ ...paging }),
  output: pageOf(noteView),
  idempotency: 'read',
  async run({ input, actor }, { world }) {
    const size = pageSize(input)
    const [body, after] = readCursor(input, 2) ?? ['', '00000000-0000-0000-0000-000000000000']
    const rows = await world.db.query<{ id: string; body: string; rev: number }>(
      `select id, body, rev from notes where owner = :owner and (body, id) > (:body, :after)
       order by body, id limit :size`,
      { owner: actor.id, body, after, size: size + 1 },
    )
    return pageFrom(
      rows,
      size,
      note => [note.body, note.id],
      note => note,
    )
  },
})

export const readThatWrites = operation({
  ...signedIn,
  name: 'notes.readThatWrites',
  route: 'GET /notes/written',
  summary: 'A read that writes, which must fail',
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  async run({ actor }, { world, now }) {
    await world.db.query('insert into notes values (:note, :owner, :body)', {
      note: newId(now),
      owner: actor.id,
      body: 'sneaky',
    })
    return {}
  },
})

export const clearNotes = operation({
  ...signedIn,
  name: 'notes.clearNotes',
  route: 'DELETE /notes',
  summary: 'Its `allow` does not check the role',
  who: 'moderators',
  input: shape({}),
  output: shape({}),
  idempotency: 'natural',
  run: async () => ({}),
})

export const seldom = operation({
  ...signedIn,
  name: 'notes.seldom',
  route: 'GET /seldom',
  summary: 'Limited to three calls a minute',
  who: 'anyone',
  limit: { perMinute: 3 },
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  run: async () => ({}),
})

export const wrongAnswer = operation({
  ...signedIn,
  name: 'notes.wrongAnswer',
  route: 'GET /wrong-answer',
  summary: 'Its output does not match the schema',
  input: shape({}),
  output: shape({}),
  idempotency: 'read',
  run: async () => ({ secret: 'more' }),
})

export const notes: Skill = {
  operations: [addNote, editNote, listNotes, readThatWrites, clearNotes, seldom, wrongAnswer],
  events: [noteAdded],
  reactions: [echo],
  jobs: [copyNote],
}

export const notesProduct = productOf([userProfile, notes], arrive)

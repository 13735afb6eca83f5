import { type Actor, isModerator } from './actor'
import { type Context } from './context'
import { once } from './idempotency'
import { countAgainstLimit } from './limits'
import { type AnyOperation } from './operation'
import { isPageField, Page } from './paging'
import { isGeneral, Refusal, refusals } from './refusals'
import { parse } from './schema'
import { type Position } from './stream'
import { transact } from './transact'
import { type Product } from './product'
import { type World } from './world'

/** A call as a door hands it over. Nothing behind this point sees a request or a socket. */
export interface Call {
  input: unknown
  actor: Actor | null
  /** Where it comes from, for the limits of those who are not signed in. */
  address: string
  /** What the program that calls says it is. */
  agent?: string | null
  requestId: string
  /** The Idempotency-Key. */
  key?: string | undefined
}

export interface Answer {
  data: unknown
  page?: { next: string | null; hasMore: boolean }
  /** Where the channel was when its state was read. */
  position?: Position & { channel: string }
  /** The answer of an earlier call with the same key. */
  replayed?: true
}

/**
 * The only road into an operation, the same for both doors: signed in → within the limit → valid → others asked → transaction →
 * key already answered → load → allow → run and append events → commit → answer.
 * @throws Refusal for every way to say no; anything else is a bug.
 */
export async function execute(world: World, product: Product, op: AnyOperation, call: Call): Promise<Answer> {
  const { actor, requestId, address, agent = null, key } = call
  const caller = { actor, requestId, address, agent }
  if (op.who !== 'anyone' && actor === null) throw refusals.notSignedIn()
  if (op.who === 'moderators' && !isModerator(actor)) throw refusals.forbidden()
  await countAgainstLimit(world, op, call)
  const input = parse(op.input, call.input)
  try {
    if (op.idempotency === 'read' || op.changesNothing === true) {
      const position = await positionFor(world, op.snapshotOf?.(input, actor))
      const perform = (context: Context) => performOnce(op, { input, asked: undefined }, context)
      return { ...(await read(world, caller, perform)), ...position }
    }
    const asked = await op.ask?.(input, contextOutside(world, caller))
    const perform = (context: Context) => performOnce(op, { input, asked }, context)
    return await transact({ world, product, ...caller }, context =>
      op.idempotency === 'keyed' && key !== undefined && actor !== null
        ? once(world, { actor, operation: op.name, key, input, now: context.now }, () => perform(context))
        : perform(context),
    )
  } catch (error) {
    if (world.config.strict) refuseUndeclared(op, error)
    throw error
  }
}

async function performOnce(
  op: AnyOperation,
  { input, asked }: { input: unknown; asked: unknown },
  context: Context,
): Promise<Answer> {
  const subject = await op.load(input, context)
  if (!op.allow(context.actor, subject)) throw refusals.forbidden()
  const result = await op.run({ input, subject, actor: context.actor, asked }, context)
  const answer = toAnswer(result)
  if (context.world.config.strict) refuseUndocumented(op, answer)
  return answer
}

/** Reads need no transaction; where `strict` is on they get a read-only one, so that a read which writes fails. */
async function read(world: World, caller: Caller, perform: (context: Context) => Promise<Answer>): Promise<Answer> {
  const context = contextOutside(world, caller)
  return world.config.strict ? world.db.readOnly(() => perform(context)) : perform(context)
}

type Caller = Pick<Context, 'actor' | 'requestId' | 'address' | 'agent'>

/** The context of what runs without a transaction. */
function contextOutside(world: World, { actor, requestId, address, agent }: Caller): Context {
  const refuse = async () => {
    throw new Error('what reads announces nothing')
  }
  const now = new Date(world.clock.now())
  return { world, actor, requestId, now, address, agent, emit: refuse, enqueue: refuse, tally: refuse }
}

async function positionFor(world: World, channel: string | undefined): Promise<Pick<Answer, 'position'>> {
  return channel === undefined ? {} : { position: { channel, ...(await world.channels.position(channel)) } }
}

const toAnswer = (result: unknown): Answer =>
  result instanceof Page
    ? { data: result.items, page: { next: result.next, hasMore: result.next !== null } }
    : { data: result }

/** An answer that its own docs do not describe is a bug. */
function refuseUndocumented(op: AnyOperation, answer: Answer): void {
  if (isPageField(op.output) !== (answer.page !== undefined)) throw new Error(`${op.name} must answer with a page`)
  try {
    parse(op.output, answer.data)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Error(`${op.name} gave an undocumented answer: ${JSON.stringify(error.more.errors)}`)
  }
}

function refuseUndeclared(op: AnyOperation, error: unknown): void {
  if (!(error instanceof Refusal) || isGeneral(error.kind) || op.refuses?.includes(error.kind) === true) return
  throw new Error(`${op.name} refuses with ${error.kind.code}, which it does not declare`)
}

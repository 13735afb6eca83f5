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

/** A call as a transport hands it over. Nothing behind this point sees a request or a socket. */
export interface Call {
  input: unknown
  actor: Actor | null
  /** The client's IP address, for the rate limits of anonymous callers. */
  address: string
  /** The truncated User-Agent header. */
  agent?: string | null
  requestId: string
  /** The Idempotency-Key. */
  key?: string | undefined
}

export interface Answer {
  data: unknown
  page?: { next: string | null; hasMore: boolean }
  /** The channel's position before its state was read. */
  position?: Position & { channel: string }
  /** This is the stored answer of an earlier call with the same key. */
  replayed?: true
}

/**
 * Runs an operation, the same way for both transports: authenticate → rate limit → validate → before transaction → transaction →
 * idempotency key → load → allow → run and append events → commit → answer.
 * @throws Refusal when the call is refused; anything else is a bug.
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
    if (world.config.strict) assertDeclared(op, error)
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
  if (context.world.config.strict) assertDocumented(op, answer)
  return answer
}

/** Reads run without a transaction. In `strict` mode they run in a read-only one, so that a read which writes fails. */
async function read(world: World, caller: Caller, perform: (context: Context) => Promise<Answer>): Promise<Answer> {
  const context = contextOutside(world, caller)
  return world.config.strict ? world.db.readOnly(() => perform(context)) : perform(context)
}

type Caller = Pick<Context, 'actor' | 'requestId' | 'address' | 'agent'>

/** The context outside a transaction: emit, enqueue and counter changes throw. */
function contextOutside(world: World, { actor, requestId, address, agent }: Caller): Context {
  const throwInRead = async () => {
    throw new Error('a read cannot emit events, enqueue jobs or change counters')
  }
  const now = new Date(world.clock.now())
  return { world, actor, requestId, now, address, agent, emit: throwInRead, enqueue: throwInRead, tally: throwInRead }
}

async function positionFor(world: World, channel: string | undefined): Promise<Pick<Answer, 'position'>> {
  return channel === undefined ? {} : { position: { channel, ...(await world.channels.position(channel)) } }
}

const toAnswer = (result: unknown): Answer =>
  result instanceof Page
    ? { data: result.items, page: { next: result.next, hasMore: result.next !== null } }
    : { data: result }

/** In `strict` mode, an answer that does not match the output schema is a bug. */
function assertDocumented(op: AnyOperation, answer: Answer): void {
  if (isPageField(op.output) !== (answer.page !== undefined))
    throw new Error(`${op.name}: a page was declared and not returned, or the reverse`)
  try {
    parse(op.output, answer.data)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Error(
      `${op.name} returned an answer that does not match its output schema: ${JSON.stringify(error.more.errors)}`,
    )
  }
}

function assertDeclared(op: AnyOperation, error: unknown): void {
  if (!(error instanceof Refusal) || isGeneral(error.kind) || op.refuses?.includes(error.kind) === true) return
  throw new Error(`${op.name} refused with ${error.kind.code}, which is missing from its \`refuses\``)
}

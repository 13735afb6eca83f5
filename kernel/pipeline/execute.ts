import { type Actor, isModerator } from './actor'
import { type Answer, type Call } from './call'
import { type Context } from './context'
import { runOnce } from './idempotency'
import { consumeOperationLimit } from './limits'
import { type AnyOperation } from './operation'
import { isPageField, Page } from './paging'
import { type Caller, createReadContext } from './read-context'
import { isGeneralRefusal, Refusal, refusals } from './refusals'
import { parse } from './schema'
import { transact } from './transact'
import { type Registry } from './registry'
import { type AppContext } from '../platform/app-context'

/**
 * Runs an operation, the same way for both transports: authenticate → rate limit → validate → before transaction → transaction →
 * idempotency key → load → allow → run and append events → commit → answer.
 * @throws Refusal when the call is refused; anything else is a bug.
 */
export async function execute(app: AppContext, registry: Registry, op: AnyOperation, call: Call): Promise<Answer> {
  const { actor, requestId, ipAddress, userAgent = null, idempotencyKey } = call
  const caller = { actor, requestId, ipAddress, userAgent }
  if (op.auth !== 'public' && actor === null) throw refusals.notSignedIn()
  if (op.auth === 'moderator' && !isModerator(actor)) throw refusals.forbidden()
  await consumeOperationLimit(app, op, call)
  const input = parse(op.input, call.input)
  try {
    if (op.idempotency === 'read' || op.readOnly === true) {
      const position = await positionFor(app, op.snapshotChannel?.(input, actor))
      const perform = (context: Context) => performOnce(op, { input, prepared: undefined }, context)
      return { ...(await read(app, caller, perform)), ...position }
    }
    const prepared = await op.beforeTransaction?.(input, createReadContext(app, caller))
    const perform = (context: Context) => performOnce(op, { input, prepared }, context)
    return await transact({ app, registry, ...caller }, context =>
      op.idempotency === 'keyed' && idempotencyKey !== undefined && actor !== null
        ? runOnce(app, { actor, operation: op.name, key: idempotencyKey, input, now: context.now }, () =>
            perform(context),
          )
        : perform(context),
    )
  } catch (error) {
    if (app.config.selfChecks) assertDeclared(op, error)
    throw error
  }
}

async function performOnce(
  op: AnyOperation,
  { input, prepared }: { input: unknown; prepared: unknown },
  context: Context,
): Promise<Answer> {
  const subject = await op.load(input, context)
  if (!op.allow(context.actor, subject)) throw refusals.forbidden()
  const result = await op.run({ input, subject, actor: context.actor, prepared }, context)
  const answer = toAnswer(result)
  if (context.app.config.selfChecks) assertDocumented(op, answer)
  return answer
}

/** Reads run without a transaction. With `selfChecks` they run in a read-only one, so that a read which writes fails. */
async function read(
  app: AppContext,
  caller: Caller<Actor | null>,
  perform: (context: Context) => Promise<Answer>,
): Promise<Answer> {
  const context = createReadContext(app, caller)
  return app.config.selfChecks ? app.db.readOnly(() => perform(context)) : perform(context)
}

async function positionFor(app: AppContext, channel: string | undefined): Promise<Pick<Answer, 'position'>> {
  return channel === undefined ? {} : { position: { channel, ...(await app.channelLog.position(channel)) } }
}

const toAnswer = (result: unknown): Answer =>
  result instanceof Page
    ? { data: result.items, page: { next: result.next, hasMore: result.next !== null } }
    : { data: result }

/** With `selfChecks`, an answer that does not match the output schema is a bug. */
function assertDocumented(op: AnyOperation, answer: Answer): void {
  if (isPageField(op.output) !== (answer.page !== undefined))
    throw new Error(`${op.name}: a page was declared and not returned, or the reverse`)
  try {
    parse(op.output, answer.data)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw new Error(
      `${op.name} returned an answer that does not match its output schema: ${JSON.stringify(error.extras.errors)}`,
    )
  }
}

function assertDeclared(op: AnyOperation, error: unknown): void {
  if (!(error instanceof Refusal) || isGeneralRefusal(error.kind) || op.refuses?.includes(error.kind) === true) return
  throw new Error(`${op.name} refused with ${error.kind.code}, which is missing from its \`refuses\``)
}

import { type ExtendedError } from 'socket.io'
import { type Refusal } from '../../kernel/pipeline/refusals'

/** The error that Socket.IO sends as `connect_error`: the title as message, the problem as `data`. */
export function connectError(refusal: Refusal, requestId: string): ExtendedError {
  const error: ExtendedError = new Error(refusal.kind.title)
  error.data = refusal.toProblem(requestId)
  return error
}

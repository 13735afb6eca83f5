import live from '../../docs/examples/live.json'
import operations from '../../docs/examples/operations.json'
import { type Examples } from '../../kernel/docs/examples'

/** The recorded examples, which `npm run docs -- --record` writes. */
export const examples: Examples = { operations, ...live }

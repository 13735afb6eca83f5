import { job } from '../../kernel/events/job'
import { list, pattern, shape } from '../../kernel/pipeline/schema'

/** At least one whole id: a shorter prefix would empty the bucket. */
const prefix = pattern(/^(incoming|pictures)\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/?$/, 60)

/** Deletes picture files from the bucket. Succeeds when they do not exist. */
export const deleteObjects = job({
  name: 'pictures.deleteObjects',
  payload: shape({ prefixes: list(prefix, 100) }),
  attemptsMax: 20,

  async run({ prefixes }, { app }) {
    for (const prefix of prefixes) await app.storage.deletePrefix(prefix)
  },
})

import { callsOverBothTransports } from './calls'
import { connect } from './connect'
import { fanOut } from './fan-out'
import { grants } from './grants'
import { hostileFiles } from './hostile-files'
import { latency } from './latency'
import { likes } from './likes'
import { memory } from './memory'
import { processing } from './processing'
import { type Scenario } from './scenario'
import { reconnectStorm } from './reconnect-storm'
import { throughput } from './throughput'

/** In the order of the report. */
export const scenarios: readonly Scenario[] = [
  fanOut,
  connect,
  memory,
  latency,
  throughput,
  reconnectStorm,
  likes,
  callsOverBothTransports,
  grants,
  processing,
  hostileFiles,
]

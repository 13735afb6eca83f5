import { type Skill } from '../../kernel/pipeline/registry'
import { getCapabilities } from './get-capabilities'

export const capabilities: Skill = { operations: [getCapabilities] }

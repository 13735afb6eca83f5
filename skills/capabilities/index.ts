import { type Skill } from '../../kernel/product'
import { getCapabilities } from './get-capabilities'

export const capabilities: Skill = { operations: [getCapabilities] }

export { getCapabilities } from './get-capabilities'

export {
  type CallOptions,
  type DataOf,
  type InputOf,
  type ListOperationName,
  type OperationName,
  type Page,
} from './calls/calls'
export { type Subscription, type FollowOptions } from './channels/channels'
export { type Client, type ClientOptions, createClient } from './create-client'
export {
  type Signal,
  type SignalData,
  type SignalName,
  type SnapshotOf,
  type StateOf,
  type TuttiEvent,
} from './channels/events'
export { type Transport } from './transports/feed'
export { type ChannelHandlers } from './channels/follower'
export { type OffsetStore } from './channels/offsets'
export * from './operations'
export { type ChannelPresence } from './channels/roster'
export { type FieldError, TuttiProblem } from './problem'
export { type PictureFields, type PictureOptions } from './uploads/upload-picture'
export { type ReplacementFields, type UploadResult, type UploadFields, type UploadOptions } from './uploads/upload'

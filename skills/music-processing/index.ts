export { makeDownloadCopy } from './make-download-copy'
export { matchFingerprints } from './match-fingerprints'
export { processUpload } from './process-upload'
export { resumeAbandoned } from './resume-abandoned'

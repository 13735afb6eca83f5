interface TourFacts {
  port: number
  logs: string
  seconds: number
}

/** What `npm start` prints when all is ready: where things are, and something to try at once. */
export function tour({ port, logs, seconds }: TourFacts): string {
  const other = port + 1
  const moved = port === 3000 ? '' : `PORT=${port} `
  return `
Tutti is ready after ${seconds.toFixed(1)} s.

  Nodes     http://localhost:${port}  and  http://localhost:${other}
  API docs  http://localhost:${port}/api/v1/docs
  A token   ${moved}npm run -s token -- ann
  Logs      ${logs}

Try, in another terminal:

  ANN=$(${moved}npm run -s token -- ann)
  curl -s localhost:${port}/api/v1/me -H "Authorization: Bearer $ANN"
  curl -s 'localhost:${port}/api/v1/search/tracks?q=harbour'

The README goes on from here: upload, stream, like live, and listen together. Ctrl-C ends everything.
`
}

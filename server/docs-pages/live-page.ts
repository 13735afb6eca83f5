import { apiRoot } from '../rest'

/** Page of the Socket.IO API; its script fills it from the AsyncAPI document. */
export const livePage = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Tutti live</title>
  <link rel="stylesheet" href="${apiRoot}/docs/pages.css">
  <link rel="icon" href="${apiRoot}/docs/favicon-32x32.png">
</head>
<body>
  <nav><strong>Tutti</strong> <a href="${apiRoot}/docs">REST</a> <a href="${apiRoot}/docs/live" aria-current="page">Live</a></nav>
  <main id="live">
    <h1>Live</h1>
    <p id="about"></p>
    <p><input id="filter" type="search" placeholder="Filter calls, events and schemas" aria-label="Filter"></p>
    <section><h2>Channels</h2><div id="channels"></div></section>
    <section><h2>Calls</h2><div id="calls"></div></section>
    <section><h2>Events</h2><div id="events"></div></section>
    <section><h2>Close reasons</h2><div id="closeReasons"></div></section>
    <section><h2>Schemas</h2><div id="shapes"></div></section>
    <p>As a document: <a href="${apiRoot}/asyncapi.json">asyncapi.json</a> (AsyncAPI 3)</p>
  </main>
  <noscript>This page needs JavaScript. It shows <a href="${apiRoot}/asyncapi.json">asyncapi.json</a>.</noscript>
  <script src="${apiRoot}/docs/live.js"></script>
</body>
</html>
`

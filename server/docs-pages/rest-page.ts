import { apiRoot } from '../rest'

/** Page of the REST API: Swagger UI on the OpenAPI document. */
export const restPage = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Tutti API</title>
  <link rel="stylesheet" href="${apiRoot}/docs/swagger-ui.css">
  <link rel="stylesheet" href="${apiRoot}/docs/pages.css">
  <link rel="icon" href="${apiRoot}/docs/favicon-32x32.png">
</head>
<body>
  <nav><strong>Tutti</strong> <a href="${apiRoot}/docs" aria-current="page">REST</a> <a href="${apiRoot}/docs/live">Live</a></nav>
  <div id="ui"></div>
  <script src="${apiRoot}/docs/swagger-ui-bundle.js"></script>
  <script src="${apiRoot}/docs/start.js"></script>
</body>
</html>
`

export const restScript = `SwaggerUIBundle({
  url: '${apiRoot}/openapi.json',
  dom_id: '#ui',
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
})
`

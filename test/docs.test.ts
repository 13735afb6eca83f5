import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import { variableNames } from '../kernel/world/config'
import { product } from '../skills'

const read = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8')

/** Of the parser: its own enum is not exported. */
const errorSeverity = '0'

describe('the documents', () => {
  it('are committed as the list of operations makes them: else run `npm run docs`', () => {
    expect(JSON.parse(read('docs', 'openapi.json'))).toEqual(JSON.parse(JSON.stringify(openApi(product))))
    expect(JSON.parse(read('docs', 'asyncapi.json'))).toEqual(JSON.parse(JSON.stringify(asyncApi(product))))
  })

  it('hold an AsyncAPI 3 that its own parser accepts', async () => {
    const diagnostics = await new Parser().validate(JSON.stringify(asyncApi(product)))
    expect(diagnostics.filter(({ severity }) => String(severity) === errorSeverity)).toEqual([])
  })

  it('hold an OpenAPI that a validator accepts as 3.1, and one without its paths it does not', async () => {
    const document = openApi(product)
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(await validateOpenApi(document)).toEqual({ valid: true })
    expect(await validateOpenApi({ ...document, paths: [] })).toMatchObject({ valid: false })
  })

  it('hold an OpenAPI 3.1 whose references all lead somewhere and whose operations are unique', () => {
    const document = openApi(product)
    const text = JSON.stringify(document)
    const schemas = (document.components as { schemas: Record<string, unknown> }).schemas
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? '')
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter(name => !(name in schemas))).toEqual([])
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name)
    expect(new Set(ids).size).toBe(product.operations.length)
  })

  it('list every variable of the configuration in the README', () => {
    const readme = read('README.md')
    expect(variableNames.filter(name => !readme.includes(`\`${name}\``))).toEqual([])
  })
})

/** In a Node of its own: the package is an ES module, which jest cannot require. */
function validateOpenApi(document: object): Promise<unknown> {
  const program = `
    import { Validator } from '@seriousme/openapi-schema-validator'
    import { text } from 'node:stream/consumers'
    const document = JSON.parse(await text(process.stdin))
    process.stdout.write(JSON.stringify(await new Validator().validate(document)))`
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '--eval', program]
    const options = { cwd: join(__dirname, '..'), maxBuffer: 10_000_000 }
    const child = execFile(process.execPath, args, options, (error, answer) => {
      if (error === null) resolve(JSON.parse(answer))
      else reject(new Error('the validator did not run', { cause: error }))
    })
    child.stdin?.end(JSON.stringify(document))
  })
}

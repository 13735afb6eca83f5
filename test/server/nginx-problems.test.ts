import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { refusals } from '../../kernel/pipeline/refusals'

const configuration = readFileSync(join(__dirname, '..', '..', 'nginx', 'http.conf'), 'utf8')

/** The entries of a `map $status $name`, by status. */
function readMap(name: string): Map<string, string> {
  const [, body = ''] = new RegExp(`map \\$status \\$${name} \\{([^}]*)\\}`).exec(configuration) ?? []
  const entries = [...body.matchAll(/^\s*(\d{3})\s+'?([^';]*)'?;$/gm)]
  return new Map(entries.map(([, status = '', value = '']) => [status, value]))
}

it('the problems of nginx have the codes and titles of ours', () => {
  const kinds = Object.values(refusals)
  const titles = readMap('problem_title')
  const codes = readMap('problem_code')
  expect(codes.size).toBe(4)
  for (const [status, code] of codes) {
    const kind = kinds.find(one => one.code === code)
    expect([code, String(kind?.status), kind?.title]).toEqual([code, status, titles.get(status)])
  }
})

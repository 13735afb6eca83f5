import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const packages = join(__dirname, '..', '..', 'node_modules')

/**
 * Tests of what we rely on inside a package, beyond its documented API. They hold for one minor version: after an update read
 * the new source behind `usedIn`, then raise the version here.
 */
export function describeContract(name: string, version: string, usedIn: string, tests: () => void): void {
  describe(`${name} ${version}.x:`, () => {
    it('is the installed version', () => {
      const installed = (JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as { version: string })
        .version
      if (!installed.startsWith(`${version}.`))
        throw new Error(
          `${name} ${installed} is installed; ${usedIn} relies on the insides of ${version}.x: read them again`,
        )
    })
    tests()
  })
}

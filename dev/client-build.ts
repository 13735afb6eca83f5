import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions } from 'esbuild'

/** Of our own code, minified and gzipped: whoever opens a page pays for it. */
const gzippedBytesMax = 12_000

/**
 * Makes the package that applications install: `client/` as an ES module and as CommonJS, with the types of each, and its
 * `package.json`. Answers what the code weighs.
 * @throws Error when it does not compile.
 */
export async function buildClient(root: string, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const source: BuildOptions = {
    entryPoints: [join(root, 'client', 'index.ts')],
    bundle: true,
    external: ['socket.io-client'],
    platform: 'neutral',
    target: 'es2022',
    // As `tsconfig.json` says, which is not read; a hundred bytes less than fields declared first and assigned then.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    logLevel: 'silent',
  }
  const [small] = await Promise.all([
    build({ ...source, format: 'esm', minify: true, write: false }),
    build({ ...source, format: 'esm', outfile: join(folder, 'index.mjs') }),
    build({ ...source, format: 'cjs', outfile: join(folder, 'index.cjs') }),
    writeTypes(root, folder),
    writePackageJson(root, folder),
  ])
  return small.outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).byteLength, 0)
}

/** Twice, as a module of either kind must find its own kind next to it. */
async function writeTypes(root: string, folder: string): Promise<void> {
  const config = join(folder, 'tsconfig.json')
  const types = join(folder, 'types')
  const compilerOptions = {
    ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, types: ['node'] },
    ...{ rootDir: join(root, 'client'), outDir: types, typeRoots: [join(root, 'node_modules', '@types')] },
  }
  const files = [join(root, 'client', 'index.ts')]
  await writeFile(config, JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }))
  const compiler = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')
  await promisify(execFile)(process.execPath, [compiler, '-p', config]).catch((error: unknown) => {
    throw new Error(`the types of the client do not compile: ${outputOf(error)}`, { cause: error })
  })
  await rm(config)
  for (const name of await readdir(types)) {
    const path = join(types, name)
    const text = await readFile(path, 'utf8')
    const naming = (ending: string) => text.replace(/(from '\.\/[\w-]+|import\("\.\/[\w-]+)/g, `$1${ending}`)
    await writeFile(path.replace(/\.d\.ts$/, '.d.cts'), naming('.cjs'))
    await writeFile(path, naming('.mjs'))
    await rename(path, path.replace(/\.d\.ts$/, '.d.mts'))
  }
}

const outputOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : String(error)

async function writePackageJson(root: string, folder: string): Promise<void> {
  const { version, license, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string
    license: string
    devDependencies: Record<string, string>
  }
  const entry = (kind: 'm' | 'c') => ({ types: `./types/index.d.${kind}ts`, default: `./index.${kind}js` })
  const text = {
    name: 'tutti-client',
    version,
    description: 'The typed client of Tutti, for browsers and Node: calls, uploads, and channels without gaps.',
    license,
    sideEffects: false,
    exports: { '.': { import: entry('m'), require: entry('c') } },
    main: './index.cjs',
    module: './index.mjs',
    types: './types/index.d.cts',
    dependencies: { 'socket.io-client': `^${devDependencies['socket.io-client'] ?? '4'}` },
  }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(text, null, 2)}\n`)
}

/** Builds into `dist/client-package`; fails when the code weighs more than it may. */
async function main(): Promise<void> {
  const root = resolve(dirname(__filename), '..', '..')
  const gzippedBytes = await buildClient(root, join(root, 'dist', 'client-package'))
  const asKb = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`
  process.stdout.write(`the client: ${asKb(gzippedBytes)} gzipped, of ${asKb(gzippedBytesMax)} that it may have\n`)
  process.exitCode = gzippedBytes > gzippedBytesMax ? 1 : 0
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })

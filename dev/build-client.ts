import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions } from 'esbuild'

/** Size limit of the client's own code, minified and gzipped: every page that uses it downloads it. */
const gzippedBytesMax = 12_000

/**
 * Builds the package that applications install: `client/` as an ES module and as CommonJS, the types of each, and a
 * `package.json`. Returns the size of the minified, gzipped code in bytes.
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
    // Repeats the setting of `tsconfig.json`, which esbuild does not read here; it saves about 100 bytes.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    logLevel: 'silent',
  }
  const [minified] = await Promise.all([
    build({ ...source, format: 'esm', minify: true, write: false }),
    build({ ...source, format: 'esm', outfile: join(folder, 'index.mjs') }),
    build({ ...source, format: 'cjs', outfile: join(folder, 'index.cjs') }),
    writeTypes(root, folder),
    writePackageJson(root, folder),
  ])
  return minified.outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).byteLength, 0)
}

/** Writes the types twice (`.d.mts`, `.d.cts`), because a module of either kind resolves only types of its own kind. */
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
  for (const name of await readdir(types, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue
    const path = join(types, name)
    const text = await readFile(path, 'utf8')
    const withExtension = (extension: string) =>
      text.replace(/(from '\.{1,2}\/[\w./-]+|import\("\.{1,2}\/[\w./-]+)/g, `$1${extension}`)
    await writeFile(path.replace(/\.d\.ts$/, '.d.cts'), withExtension('.cjs'))
    await writeFile(path, withExtension('.mjs'))
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
  const manifest = {
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
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** Builds into `dist/client-package`; exits with code 1 when the code exceeds the size limit. */
async function main(): Promise<void> {
  const root = resolve(dirname(__filename), '..', '..')
  const gzippedBytes = await buildClient(root, join(root, 'dist', 'client-package'))
  const formatKb = (bytes: number) => `${(bytes / 1_000).toFixed(1)} kB`
  process.stdout.write(`client package: ${formatKb(gzippedBytes)} gzipped (limit ${formatKb(gzippedBytesMax)})\n`)
  process.exitCode = gzippedBytes > gzippedBytesMax ? 1 : 0
}

if (require.main === module)
  main().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })

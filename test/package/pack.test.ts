import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = temporaryFolder()
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))

/** Those of this platform; `npm test` makes them where there is a compiler. */
const prebuilds = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`)
const hasPrebuilds = existsSync(prebuilds)
if (!hasPrebuilds && process.env.REQUIRE_BACKEND === 'native') throw new Error('Run `npm run prebuilds` first')

/** No SAE_MATCH_* switches, and nothing of the clone. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(SAE_MATCH_|PREBUILDS_ONLY|NODE_PATH|NODE_OPTIONS|npm_)/.test(name),
  ),
)

let tarball = ''
let packed: string[] = []

/** Installs the tarball as somebody else would, from local files only and with scripts disabled. */
async function install(name: string): Promise<string> {
  const consumer = path.join(folder, name)
  mkdirSync(consumer)
  writeFileSync(path.join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
  const dependencies = Object.keys(manifest.dependencies).map((dependency) =>
    path.join(root, 'node_modules', dependency),
  )
  const options = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund', '--no-save']
  await run('npm', ['install', ...options, tarball, ...dependencies], { cwd: consumer, env })
  return consumer
}

/** Runs JavaScript in the folder of a consumer; gives the JSON it prints. */
async function evaluate(consumer: string, extension: 'mjs' | 'cjs', source: string, variables: NodeJS.ProcessEnv = {}) {
  const file = path.join(consumer, `main.${extension}`)
  writeFileSync(file, source)
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: consumer, env: { ...env, ...variables } })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

function command(consumer: string, ...args: string[]) {
  return run(path.join(consumer, 'node_modules', '.bin', 'sae-match'), args, { cwd: consumer, env })
}

const solve = `
  const costs = Float64Array.of(4, 1, 3, 2, 0, 5, 3, 2, 2)
  const { rowToColumn, cost, certificate, backend } = await solveAssignment(costs, { rows: 3, columns: 3 })
  console.log(JSON.stringify({ rowToColumn: [...rowToColumn], cost, optimal: certificate.optimal, backend, info: backendInfo() }))
`
const answer = { rowToColumn: [1, 0, 2], cost: 5, optimal: true }

beforeAll(async () => {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    env,
  })
  const [{ filename, files }] = JSON.parse(stdout)
  tarball = path.join(folder, filename)
  packed = files.map((file: { path: string }) => file.path)
}, 120_000)

describe('the tarball', () => {
  it('has what consumers need', () => {
    const needed = [
      ...['package.json', 'README.md', 'LICENSE', 'CMakeLists.txt', 'scripts/build-native.mjs'],
      ...['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js'],
      ...['native/addon/addon.cpp', 'native/cmake/simd.cmake', 'native/include/sae_match/assignment.h'],
      ...['docs/install.md', 'docs/backends.md', 'docs/method.md', 'docs/troubleshooting.md'],
      ...['examples/smollm2-135m-1024/README.md'],
      ...(hasPrebuilds ? readdirSync(prebuilds).map((name) => `prebuilds/${path.basename(prebuilds)}/${name}`) : []),
    ]
    expect(needed.filter((file) => !packed.includes(file))).toEqual([])
  })

  it('has nothing else', () => {
    const allowed =
      /^(dist|prebuilds|native|docs|examples)\/|^(package\.json|README\.md|LICENSE|CMakeLists\.txt|scripts\/build-native\.mjs)$/
    expect(packed.filter((file) => !allowed.test(file) || file.startsWith('native/test/'))).toEqual([])
  })

  it('stays small', () => {
    expect(statSync(tarball).size).toBeLessThan(20e6)
  })

  it('has only output of sources that exist', () => {
    const orphans = packed.filter((file) => {
      const source = /^dist\/(.*?)(?:\.d)?\.[jt]s$/.exec(file)?.[1]
      return source !== undefined && !existsSync(path.join(root, 'src', `${source}.ts`))
    })
    expect(orphans).toEqual([])
  })
})

describe('an installed package', () => {
  let consumer = ''
  beforeAll(async () => {
    consumer = await install('installed')
  }, 120_000)

  it.skipIf(!hasPrebuilds)('solves on the shipped addon', async () => {
    const found = await evaluate(consumer, 'mjs', `import { backendInfo, solveAssignment } from 'sae-match'\n${solve}`)
    expect(found).toMatchObject({ ...answer, backend: 'native', info: { active: 'native', version: manifest.version } })
    expect(path.relative(consumer, found.info.addonPath)).toMatch(/^node_modules.sae-match.prebuilds./)
  })

  it('can be required', async () => {
    const source = `const { backendInfo, solveAssignment } = require('sae-match')\n;(async () => {${solve}})()`
    expect(await evaluate(consumer, 'cjs', source)).toMatchObject(answer)
  })

  it('runs doctor', async () => {
    const { stdout } = await command(consumer, 'doctor', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      version: manifest.version,
      backends: {
        typescript: { available: true, reason: null },
        native: { available: hasPrebuilds, reason: hasPrebuilds ? null : 'ADDON_NOT_FOUND' },
      },
    })
  })

  it('runs the demo', async () => {
    const { stdout } = await command(consumer, 'demo', '--json', '--out', path.join(consumer, 'run'))
    const { backend, pairs } = JSON.parse(stdout)
    expect(backend).toBe(hasPrebuilds ? 'native' : 'typescript')
    expect(pairs.length).toBeGreaterThan(0)
    for (const { certificate } of pairs) expect(certificate).toMatchObject({ optimal: true, proof: 'full' })
    expect(existsSync(path.join(consumer, 'run', 'run.json'))).toBe(true)
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('type-checks in a strict consumer (module %s, moduleResolution %s)', async (module, moduleResolution) => {
    const project = path.join(folder, `types-${moduleResolution}`)
    cpSync(consumer, project, { recursive: true, verbatimSymlinks: true })
    mkdirSync(path.join(project, 'node_modules', '@types'), { recursive: true })
    for (const name of ['@types/node', 'undici-types']) {
      symlinkSync(path.join(root, 'node_modules', name), path.join(project, 'node_modules', name))
    }
    writeFileSync(
      path.join(project, 'main.mts'),
      `import { backendInfo, compose, invert, loadSae, match, SaeMatchError, solveAssignment, solveAssignmentSync } from 'sae-match'

       export async function main(signal: AbortSignal): Promise<number> {
         try {
           const [a, b] = await Promise.all([loadSae('a.npz'), loadSae('b.npz')])
           const { aToB, certificate } = await match(a, b, { scale: 'fold', solver: 'auto', backend: 'auto', signal })
           const both: Int32Array = compose(aToB, invert(aToB, 3))
           const { rowToColumn } = await solveAssignment(new Float32Array(6), { rows: 2, columns: 3 })
           const { cost } = solveAssignmentSync(new Float64Array(6), { rows: 2, columns: 3, maximize: true })
           const active: 'typescript' | 'native' | 'cuda' = backendInfo().active
           return certificate.gap + both.length + rowToColumn.length + cost + active.length
         } catch (error) {
           if (error instanceof SaeMatchError && error.code === 'INFEASIBLE') return 0
           throw error
         }
       }
       // @ts-expect-error: a misspelt option
       void solveAssignment(new Float32Array(6), { rows: 2, columns: 3, maximise: true })
       // @ts-expect-error: arrays of numbers are not taken
       void solveAssignment([1, 2, 3], { rows: 1, columns: 3 })
      `,
    )
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2022', lib: ['es2023'], types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
      noEmit: true,
    }
    writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.mts'] }))
    const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', project]).catch((failure) => failure)
    expect(stdout).toBe('')
  })
})

describe('an installed package without an addon for the platform', () => {
  it('says so and gives the same answers', async () => {
    const consumer = await install('no-addon')
    rmSync(path.join(consumer, 'node_modules', 'sae-match', 'prebuilds'), { recursive: true, force: true })
    const source = `import { backendInfo, solveAssignment } from 'sae-match'\n${solve}`
    const found = await evaluate(consumer, 'mjs', source, { SAE_MATCH_THREADS: '3' })
    const info = { active: 'typescript', addonPath: null, threads: 3 }
    expect(found).toMatchObject({ ...answer, backend: 'typescript', info })
    expect(found.info.reasons).toMatchObject([
      { backend: 'cuda', code: 'ADDON_NOT_FOUND' },
      { backend: 'native', code: 'ADDON_NOT_FOUND', hint: expect.stringContaining('build:native') },
    ])
    const { stdout } = await command(consumer, 'demo', '--json', '--out', path.join(consumer, 'run'))
    expect(JSON.parse(stdout).backend).toBe('typescript')
  })
})

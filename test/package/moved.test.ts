import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { version } from '../../src/backend/manifest.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const isCompiled = existsSync(path.join(root, 'dist', 'index.js'))
const app = path.join(temporaryFolder(), 'app')

/** Nothing that says where the addon is. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SAE_MATCH_|NODE_|npm_)/.test(name)))

const main = `
  import { backendInfo, solveAssignment } from './index.js'
  const { rowToColumn, backend } = await solveAssignment(Float64Array.of(4, 1, 2, 0), { rows: 2, columns: 2 })
  console.log(JSON.stringify({ rowToColumn: [...rowToColumn], backend, info: backendInfo() }))
`

beforeAll(() => {
  mkdirSync(app)
  writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', version: '9.9.9', type: 'module' }))
  symlinkSync(path.join(root, 'node_modules'), path.join(app, 'node_modules'), 'dir')
})

// As a bundler or a deployment script does it: the compiled files without the package around them.
describe.skipIf(!isCompiled)('dist/ copied elsewhere', () => {
  it.each([
    ['to where another manifest lies beside it', 'bundle'],
    ['to where no manifest lies beside it', 'deep/er/bundle'],
  ])('%s knows its version and solves', async (_, place) => {
    const folder = path.join(app, place)
    cpSync(path.join(root, 'dist'), folder, { recursive: true })
    writeFileSync(path.join(folder, 'main.js'), main)
    const { stdout } = await run(process.execPath, [path.join(folder, 'main.js')], { cwd: app, env })
    const { info, ...answer } = JSON.parse(stdout)
    expect(answer).toEqual({ rowToColumn: [1, 0], backend: 'typescript' })
    expect(info.version).toBe(version)
    expect(info.reasons).toContainEqual(expect.objectContaining({ backend: 'native', code: 'ADDON_NOT_FOUND' }))
  })
})

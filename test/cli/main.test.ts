import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runCommandLine } from '../helpers/run-typescript.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const commands = [
  'demo',
  'match',
  'pairs',
  'nearest',
  'compose',
  'tracks',
  'evaluate',
  'figures',
  'solve',
  'inspect',
  'doctor',
  'bench',
]

describe('sae-match', () => {
  it('lists its commands and exit codes', async () => {
    const { code, stdout, stderr } = await runCommandLine(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(stdout).toMatch(/^Usage: sae-match COMMAND \[options\]\n {7}sae-match COMMAND --help {2,}the options/m)
    for (const exit of ['0', '1', '2', '130']) expect(stdout).toMatch(new RegExp(`^  ${exit} `, 'm'))
    expect(stdout).toMatch(/SAE_MATCH_THREADS {2}threads of the CPU backends/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('says its version', async () => {
    expect(await runCommandLine(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each(commands)('explains %s', async (name) => {
    const { code, stdout } = await runCommandLine([name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^Usage: sae-match ${name} `))
    for (const option of ['--json', '--quiet, -q', '--help, -h']) expect(stdout).toContain(option)
    for (const line of stdout.split('\nExamples')[0].split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it.each([
    { args: ['mtach'], message: 'Unknown command mtach. Did you mean match?' },
    { args: ['match', 'only-one'], message: 'Expected A B, got only-one' },
    { args: ['match', 'a', 'b', '--wieghts', 'all'], message: 'Unknown option --wieghts. Did you mean --weights?' },
    { args: ['demo', '--backend', 'gpu'], message: 'Expected auto, cuda, native or typescript for --backend, got gpu' },
    ...['0.5', '1,2,3', '1,', '0,1', 'a,b'].map((scales) => ({
      args: ['match', 'a', 'b', '--activation-scale', scales],
      message: `Expected two positive numbers A,B for --activation-scale, got ${scales}`,
    })),
    { args: ['demo', '--threads', '0'], message: 'Expected 1 to 9999 for --threads, got 0' },
    {
      args: ['demo', '--weights', 'decoder=2'],
      message:
        'Expected decoder=1,encoder=1,bias=1 (numbers >= 0) or all, decoder, encoder, decoder+encoder for --weights, got decoder=2',
    },
  ])('ends with 2 for $args', async ({ args, message }) => {
    const { code, stdout, stderr } = await runCommandLine(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`error ${message}\n`)
  })

  it('ends with 2 and its help where nothing was typed', async () => {
    const { code, stdout } = await runCommandLine([])
    expect(code).toBe(2)
    expect(stdout).toContain('Usage: sae-match COMMAND')
  })

  it.each([
    { args: ['inspect', '/nowhere'], env: {}, errorCode: 'FILE_NOT_FOUND' },
    { args: ['match', '/nowhere/a', '/nowhere/b'], env: {}, errorCode: 'FILE_NOT_FOUND' },
    { args: ['demo'], env: { SAE_MATCH_BACKEND: 'fast' }, errorCode: 'INVALID_ENVIRONMENT' },
    { args: ['demo', '--backend', 'cuda'], env: { SAE_MATCH_ADDON: '/nowhere/a.node' }, errorCode: 'DLOPEN_FAILED' },
  ])('ends with 1 and a code for $args', async ({ args, env, errorCode }) => {
    const { code, stdout, stderr } = await runCommandLine([...args, '--json'], env)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`(${errorCode})`)
    expect(stderr).not.toContain('    at ')
  })

  it('colours only what is asked for', async () => {
    expect((await runCommandLine(['--help'])).stdout).not.toContain('\u001b[')
    expect((await runCommandLine(['--help'], { FORCE_COLOR: '1', NO_COLOR: '' })).stdout).toContain('\u001b[')
  })
})

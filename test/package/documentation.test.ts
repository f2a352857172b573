import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { needsPython, python, runPython } from '../helpers/python.js'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

it('docs/troubleshooting.md has a heading for every error code and no other', () => {
  const [, union] = /export type ErrorCode =(.*?)\n\n/s.exec(read('src/errors.ts')) ?? []
  const codes = [...(union ?? '').matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  const headings = [...read('docs/troubleshooting.md').matchAll(/^### ([A-Z_]+)$/gm)].map(([, heading]) => heading)
  expect(codes.length).toBeGreaterThan(20)
  expect(headings).toEqual(codes)
})

it('docs/backends.md has a row for every environment variable that the sources read', () => {
  const sources = read('src/backend/environment.ts')
  const variables = new Set([...sources.matchAll(/\bSAE_MATCH_[A-Z]+\b/g)].map(([name]) => name))
  expect(variables.size).toBeGreaterThan(3)
  for (const variable of variables) expect(read('docs/backends.md')).toContain(`| \`${variable}\` |`)
})

it.skipIf(python === null)(`the recipe of the README leaves out what has no partner${needsPython}`, () => {
  const [, recipe] = /```python\n(.*?)```/s.exec(read('README.md')) ?? []
  const script = `
import json, numpy
numpy.load = lambda path: dict(a_to_b=numpy.array([2, -1, 0]), b_to_a=numpy.array([2, -1, 0, -1]))
decoder_b = numpy.arange(8).reshape(4, 2)
f_a = numpy.array([[10, 20, 30], [1, 2, 3]])
${recipe}
print(json.dumps([decoder_b_in_order_of_a.tolist(), f_b.tolist()]))`
  expect(JSON.parse(runPython(script))).toEqual([
    [
      [4, 5],
      [0, 1],
    ],
    [
      [30, 0, 10, 0],
      [3, 0, 1, 0],
    ],
  ])
})

/** What a heading is called in a link. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(/\s/g, '-')
}

function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading))
}

/** What is wrong with the reference to a page of the repository, or null. */
function wrongWith(page: string, section: string | undefined): string | null {
  if (!existsSync(new URL(`../../${page}`, import.meta.url))) return `${page} does not exist`
  if (section !== undefined && !anchorsOf(page).includes(section)) return `${page} has no section #${section}`
  return null
}

it('every page of docs/ that sources and pages name is there, and so is its section', () => {
  expect(JSON.parse(read('package.json')).files).toContain('docs')
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const sources = ['src', 'native'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  )
  const pages = ['README.md', 'HACKING.md', ...readdirSync(`${root}docs`).map((file) => `docs/${file}`)]
  const wrong: string[] = []
  let found = 0
  for (const file of [...sources.filter((name) => /\.(ts|h|cpp|inc)$/.test(name)), ...pages]) {
    for (const [, page, section] of read(file).matchAll(/\b(docs\/[\w.-]*\w)(?:#([\w-]+))?/g)) {
      found++
      const problem = wrongWith(page, section)
      if (problem !== null) wrong.push(`${file}: ${problem}`)
    }
  }
  // Pages of docs/ link to each other by their names alone.
  for (const file of pages.filter((name) => name.startsWith('docs/'))) {
    for (const [, page, section] of read(file).matchAll(/\]\(([\w-]+\.md)(?:#([\w-]+))?\)/g)) {
      found++
      const problem = wrongWith(`docs/${page}`, section)
      if (problem !== null) wrong.push(`${file}: ${problem}`)
    }
  }
  expect(wrong).toEqual([])
  expect(found).toBeGreaterThan(20)
})

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

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

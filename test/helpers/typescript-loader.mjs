// Lets a child process run src/*.ts as it stands: node --import ./test/helpers/typescript-loader.mjs file.ts
// What was translated once is kept by its contents in .cache/translated, so that a child starts in a moment.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

const cache = new URL('../../.cache/translated/', import.meta.url)

if (isMainThread) register(import.meta.url)

/** Imports say `./name.js`; where there is no such file, `./name.ts` is meant. */
export async function resolve(specifier, context, next) {
  if (/^(\.|file:).*\.js$/.test(specifier)) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL)
    if (existsSync(source)) return { url: source.href, shortCircuit: true }
  }
  return next(specifier, context)
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  return { format: 'module', source: await translated(readFileSync(fileURLToPath(url), 'utf8')), shortCircuit: true }
}

async function translated(source) {
  const kept = new URL(`${createHash('sha256').update(source).digest('hex')}.mjs`, cache)
  if (existsSync(kept)) return readFileSync(kept, 'utf8')
  const { default: typescript } = await import('typescript')
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2023 },
  })
  mkdirSync(cache, { recursive: true })
  const temporary = new URL(`${kept.href}.${process.pid}`)
  writeFileSync(temporary, outputText)
  renameSync(temporary, kept)
  return outputText
}

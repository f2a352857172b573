import { formatReference, parseReference } from '../hub/reference.js'
import { findRelease, releases } from '../hub/releases.js'
import { hubReferenceOf, type ResolveOptions, resolveSae, resolveSaes } from '../hub/resolve.js'
import { nearestName } from '../validate.js'
import { type Arguments, type OptionSpecs, UsageError } from './arguments.js'
import type { CommandContext } from './command.js'
import { createProgress } from './progress.js'

/** Where checkpoints come from, and which of those that lie there. */
export const inputOptions: OptionSpecs = {
  from: {
    value: 'RELEASE',
    help: 'what paths are inside of: a release such as gemma-scope-2b-pt-res, or hf://owner/name[@revision]',
  },
  width: { value: 'N', help: 'on the hub, the SAEs of so many features: 16k or 16384 (all: every width)' },
  l0: {
    value: 'WHICH',
    help: 'on the hub, of SAEs that differ in L0: canonical (default), closest:N, a number or word as names spell it, all',
  },
  layers: { value: 'LIST', help: 'on the hub, only these layers: 5,6,7 or 5-7' },
}

/** The local paths of checkpoints that the user names, one for each; downloads what is on the hub. @throws UsageError */
export async function readInputs(
  named: readonly string[],
  args: Arguments,
  context: CommandContext,
): Promise<string[]> {
  const paths: string[] = []
  await resolving(args, context, async (options) => {
    for (const reference of inRelease(named, args)) paths.push(await resolveSae(reference, options))
  })
  return paths
}

/** The local paths of all checkpoints at and below what the user names. @throws UsageError */
export async function readManyInputs(
  named: readonly string[],
  args: Arguments,
  context: CommandContext,
): Promise<string[]> {
  const paths: string[] = []
  await resolving(args, context, async (options) => {
    const all = named.length === 0 && args.has('from') ? [''] : named
    for (const reference of inRelease(all, args)) paths.push(...(await resolveSaes(reference, options)))
  })
  return paths
}

async function resolving(
  args: Arguments,
  { terminal, signal }: CommandContext,
  resolve: (options: ResolveOptions) => Promise<void>,
): Promise<void> {
  const quiet = args.has('quiet')
  const progress = createProgress(terminal, quiet)
  let begun = false
  const onNote = (note: string) => {
    if (quiet) return
    progress.clear()
    terminal.note(note)
  }
  const onProgress: ResolveOptions['onProgress'] = (state) => {
    if (!begun) progress.begin('hub')
    begun = true
    progress.update(state)
  }
  try {
    await resolve({ ...readSelection(args), signal, onNote, onProgress })
  } finally {
    progress.clear()
  }
}

function readSelection(args: Arguments): Pick<ResolveOptions, 'width' | 'l0' | 'layers'> {
  const layers = args.text('layers')
  return {
    width: args.text('width'),
    l0: args.text('l0'),
    layers: layers === undefined ? undefined : readLayers(layers),
  }
}

function readLayers(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? []
    if (first === undefined || Number(last) < Number(first)) {
      throw new UsageError(`Expected layers such as 5,6,7 or 5-7 for --layers, got ${text}`)
    }
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, place) => Number(first) + place)
  })
}

/** What the user names, inside of what --from names. */
function inRelease(named: readonly string[], args: Arguments): string[] {
  const from = args.text('from')
  if (from === undefined) {
    const onHub = named.some((text) => hubReferenceOf(text) !== null)
    const useless = ['width', 'l0', 'layers'].find((name) => args.has(name) && !onHub)
    if (useless !== undefined)
      throw new UsageError(`--${useless} chooses among SAEs on the hub: name them with --from RELEASE or hf://`)
    return [...named]
  }
  const release = hubReferenceOf(from.includes('://') ? from : '') ?? releaseCalled(from)
  return named.map((path) => {
    const inside = [release.path, path].filter((part) => part !== '').join('/')
    return formatReference(parseReference(formatReference({ ...release, path: inside })))
  })
}

function releaseCalled(name: string) {
  const release = findRelease(name)
  if (release !== undefined) return { repository: release.repository, revision: 'main', path: release.folder }
  const near = nearestName(
    name,
    releases.map((known) => known.name),
  )
  const meant = near === null ? '' : ` Did you mean ${near}?`
  throw new UsageError(`Expected the name of a release or hf://owner/name for --from, got ${name}.${meant}`)
}

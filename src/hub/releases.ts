/** A set of SAEs that has a name, where it lies on the hub, and under what ids Neuronpedia shows it. */
export interface Release {
  /** As SAELens and its users call it. */
  readonly name: string
  /** `owner/name` on the hub. */
  readonly repository: string
  /** The folder of the repository that holds it, or '' for all of it. */
  readonly folder: string
  /**
   * `model/set` of Neuronpedia, with `{width}` in the place of 16k and the like, or null where it shows none. The id of a
   * feature is `model/layer-set/index`.
   */
  readonly neuronpedia: string | null
}

/** Every release that is known by name. Source of names, places and ids: the registry of SAELens, Neuronpedia. */
export const releases: readonly Release[] = [
  ...gemmaScope('2b-pt', 'gemma-2-2b', ['res', 'mlp', 'att']),
  ...gemmaScope('9b-pt', 'gemma-2-9b', ['res', 'mlp', 'att']),
  ...gemmaScope('9b-it', 'gemma-2-9b-it', ['res']),
  ...gemmaScope('27b-pt', 'gemma-2-27b', ['res']),
  release(
    'gemma-scope-2b-pt-transcoders',
    'google/gemma-scope-2b-pt-transcoders',
    '',
    'gemma-2-2b/gemmascope-transcoder-{width}',
  ),
  ...['270m', '1b', '4b', '12b', '27b'].flatMap((size) => ['pt', 'it'].flatMap((kind) => gemmaScope2(size, kind))),
  ...llamaScope('r', 'res'),
  ...llamaScope('m', 'mlp'),
  ...llamaScope('a', 'att'),
  ...llamaScopeDistill(),
  ...qwenScope('3-1.7b-base-w32k', 'Qwen3-1.7B-Base-W32K', [50, 100]),
  ...qwenScope('3-8b-base-w64k', 'Qwen3-8B-Base-W64K', [50, 100]),
  ...qwenScope('3-30b-a3b-base-w32k', 'Qwen3-30B-A3B-Base-W32K', [50]),
  ...qwenScope('3-30b-a3b-base-w128k', 'Qwen3-30B-A3B-Base-W128K', [100]),
  ...qwenScope('3.5-2b-base-w32k', 'Qwen3.5-2B-Base-W32K', [50, 100]),
  ...qwenScope('3.5-9b-base-w64k', 'Qwen3.5-9B-Base-W64K', [50, 100]),
  ...qwenScope('3.5-27b-w80k', 'Qwen3.5-27B-W80K', [50, 100]),
  ...qwenScope('3.5-35b-a3b-base-w32k', 'Qwen3.5-35B-A3B-Base-W32K', [50]),
  ...qwenScope('3.5-35b-a3b-base-w128k', 'Qwen3.5-35B-A3B-Base-W128K', [100]),
  ...(['res_post', 'res_mid', 'mlp', 'att'] as const).flatMap(openAi),
  release('gpt2-small-res-jb', 'jbloom/GPT2-Small-SAEs-Reformatted', '', 'gpt2-small/res-jb'),
  release('gpt2-small-hook-z-kk', 'ckkissane/attn-saes-gpt2-small-all-layers', '', 'gpt2-small/att-kk'),
  release('gpt2-small-mlp-tm', 'tommmcgrath/gpt2-small-mlp-out-saes', '', null),
  release('gemma-2b-res-jb', 'jbloom/Gemma-2b-Residual-Stream-SAEs', '', 'gemma-2b/res-jb'),
  release('mistral-7b-res-wg', 'JoshEngels/Mistral-7B-Residual-Stream-SAEs', '', null),
  ...['res', 'mlp', 'att'].map((site) =>
    release(
      `pythia-70m-deduped-${site}-sm`,
      `ctigges/pythia-70m-deduped__${site}-sm_processed`,
      '',
      `pythia-70m-deduped/${site}-sm`,
    ),
  ),
  release(
    'gemma-2-2b-res-matryoshka-dc',
    'chanind/gemma-2-2b-batch-topk-matryoshka-saes-w-32k-l0-40',
    'standard',
    'gemma-2-2b/res-matryoshka-dc',
  ),
  ...['4b', '8b', '14b'].map((size) => qwenTranscoders(size, '')),
  ...['0.6b', '1.7b', '14b'].map((size) => qwenTranscoders(size, '-lowl0')),
  release('llama-3.1-8b-instruct-andyrdt', 'andyrdt/saes-llama-3.1-8b-instruct', '', 'llama3.1-8b-it/resid-post-aa'),
  release('qwen2.5-7b-instruct-andyrdt', 'andyrdt/saes-qwen2.5-7b-instruct', '', 'qwen2.5-7b-it/resid-post-aa'),
]

/** The release of that name; SAELens' `-canonical` names the same files, of which one a layer is chosen in any case. */
export function findRelease(name: string): Release | undefined {
  const plain = name.replace(/-canonical$/, '')
  return releases.find((known) => known.name === plain)
}

/** The release to which a file of a repository belongs. */
export function releaseOf(repository: string, path: string): Release | undefined {
  const within = ({ folder }: Release) => folder === '' || path === folder || path.startsWith(`${folder}/`)
  return releases.find((known) => known.repository.toLowerCase() === repository.toLowerCase() && within(known))
}

function release(name: string, repository: string, folder: string, neuronpedia: string | null): Release {
  return { name, repository, folder, neuronpedia }
}

function gemmaScope(size: string, model: string, sites: readonly string[]): Release[] {
  return sites.map((site) => {
    const name = `gemma-scope-${size}-${site}`
    return release(name, `google/${name}`, '', `${model}/gemmascope-${site}-{width}`)
  })
}

/** One repository a model; folders `_all` hold every layer, those without four layers in more widths. */
function gemmaScope2(size: string, kind: string): Release[] {
  const places = { res: 'resid_post', mlp: 'mlp_out', att: 'attn_out', transcoders: 'transcoder' }
  const repository = `google/gemma-scope-2-${size}-${kind}`
  return Object.entries(places).flatMap(([site, folder]) => {
    const set = site === 'transcoders' ? 'transcoder' : site
    const neuronpedia = `gemma-3-${size}${kind === 'it' ? '-it' : ''}/gemmascope-2-${set}-{width}`
    return ['', '_all'].map((all) => {
      const name = `gemma-scope-2-${size}-${kind}-${site}${all.replace('_', '-')}`
      return release(name, repository, `${folder}${all}`, neuronpedia)
    })
  })
}

function llamaScope(letter: string, site: string): Release[] {
  return ([8, 32] as const).map((factor) =>
    release(
      `llama_scope_lx${letter}_${factor}x`,
      `fnlp/Llama3_1-8B-Base-LX${letter.toUpperCase()}-${factor}x`,
      '',
      `llama3.1-8b/llamascope-${site}-${factor === 8 ? '32k' : '131k'}`,
    ),
  )
}

/** Three mixes of texts, each with every layer; all of them together are what SAELens calls the release. */
function llamaScopeDistill(): Release[] {
  const [name, repository] = ['llama_scope_r1_distill', 'fnlp/Llama-Scope-R1-Distill']
  const mixes = {
    '800M-Slimpajama-0-OpenR1-Math-220k': 'slimpj',
    '400M-Slimpajama-400M-OpenR1-Math-220k': 'slimpj-openr1',
    '0-Slimpajama-800M-OpenR1-Math-220k': 'openr1',
  }
  const parts = Object.entries(mixes).map(([folder, mix]) =>
    release(`${name}/${folder}`, repository, folder, `deepseek-r1-distill-llama-8b/llamascope-${mix}-res-32k`),
  )
  return [...parts, release(name, repository, '', null)]
}

function qwenScope(name: string, model: string, l0s: readonly number[]): Release[] {
  return l0s.map((l0) => release(`qwen-scope-${name}-l${l0}`, `Qwen/SAE-Res-${model}-L0_${l0}`, '', null))
}

/** SAELens' ports of OpenAI's SAEs of GPT-2 small. */
function openAi(site: 'res_post' | 'res_mid' | 'mlp' | 'att'): Release[] {
  const place = { res_post: 'resid-post', res_mid: 'resid-mid', mlp: 'mlp-out', att: 'attn-out' }[site]
  return ['32k', '128k'].map((width) =>
    release(
      `gpt2-small-${place}-v5-${width}`,
      `jbloom/GPT2-Small-OAI-v5-${width}-${place}-SAEs`,
      '',
      `gpt2-small/${site}_${width}-oai`,
    ),
  )
}

function qwenTranscoders(size: string, kind: '' | '-lowl0'): Release {
  const repository = `mwhanna/qwen3-${size}-transcoders${kind}`
  return release(repository.replace('/', '-'), repository, '', `qwen3-${size}/transcoder-hp${kind}`)
}

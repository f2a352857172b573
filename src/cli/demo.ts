import { fileURLToPath } from 'node:url'
import type { Command } from './command.js'
import { matchAndReport } from './match.js'
import { matchOptions } from './match-options.js'

/** Shipped with the package; the same two folders up from src/cli and from dist/cli. */
const examples = fileURLToPath(new URL('../../examples/smollm2-135m-1024/', import.meta.url))

/** A folder of its own: a demonstration does not mix with the runs of a user. */
const folder = 'sae-match-demo'

export const demoCommand: Command = {
  name: 'demo',
  summary: 'match the SAEs that come with the package',
  positionals: [],
  options: { ...matchOptions, out: { value: 'DIR', help: `the run directory (default ${folder})` } },
  details: [
    'Matches three sparse autoencoders of neighbouring layers of SmolLM2-135M, 1,024 features each: layer 12 with 13 and 13 with 14, and holds the folded match against the unfolded one, the match of directions, identity, chance and nearest neighbours.',
  ],
  examples: ['sae-match demo', 'sae-match demo --backend typescript --json'],
  run: async (args, context) => {
    const [first, second, third] = [12, 13, 14].map((layer) => `${examples}layer_${layer}`)
    const pairs = [
      { a: first, b: second },
      { a: second, b: third },
    ]
    await matchAndReport(pairs, args, context, { baselines: 'all' }, folder)
  },
}

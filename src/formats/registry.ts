import { dictionaryLearning } from './dictionary-learning.js'
import type { Family } from './family.js'
import { gemmaScope } from './gemma-scope.js'
import { gemmaScope2 } from './gemma-scope-2.js'
import { goodfire } from './goodfire.js'
import { hookZ } from './hook-z.js'
import { llamaScope } from './llama-scope.js'
import { llamascopium } from './llamascopium.js'
import { openai } from './openai.js'
import { qwenScope } from './qwen-scope.js'
import { saeLens } from './sae-lens.js'
import { sparsify } from './sparsify.js'

/** Every family that can be read, in the order in which they are tried. */
export const families: readonly Family[] = [
  gemmaScope,
  gemmaScope2,
  saeLens,
  sparsify,
  dictionaryLearning,
  llamaScope,
  llamascopium,
  qwenScope,
  openai,
  goodfire,
  hookZ,
]

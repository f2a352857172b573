import type { Backend, RunControl } from '../backend/backend.js'
import { wrongType } from '../errors.js'
import type { Sae } from '../sae/sae.js'
import { widenedRows } from '../tensor/contiguous.js'
import { type ActivationSource, openActivations, tokenBatches } from './activations.js'
import { type ApproximatedStates, requireWidth } from './approximate.js'
import { type Decoder, decodeToken, type Route } from './decoding.js'
import { createEncoder } from './encode.js'
import type { Coactivation } from './matching-score.js'
import { ApproximationError, type Spread } from './metrics.js'
import type { openMask } from './token-mask.js'

/** Hidden states of both layers: a folder of `layer_{L}` files for both, or one source for each. */
export type ActivationsOfBoth = string | { readonly a: ActivationSource; readonly b: ActivationSource }

/** One way to make a hidden state at B, and what it gets wrong. */
export class Method {
  readonly state: Float64Array
  readonly error: ApproximationError

  constructor(
    readonly route: Route,
    /** Whose features are decoded. */
    readonly from: 'a' | 'b',
    readonly own: Decoder,
    readonly target: Decoder,
  ) {
    this.state = new Float64Array(target.bias.length)
    this.error = new ApproximationError(target.bias.length)
  }
}

/** What one pass over the tokens adds up. */
export interface TokenSums {
  readonly methods: readonly Method[]
  /** Of the hidden state at A, taken as it is. */
  readonly dropped: ApproximationError
  /** Of the hidden states at B. */
  readonly target: Spread
  readonly coactivation: Coactivation
}

interface PassOptions extends RunControl {
  readonly mask: Awaited<ReturnType<typeof openMask>>
  readonly batchTokens: number
  readonly backend: Backend
  /** `state` holds what a method made of the current token; `take` gets those of a batch. */
  readonly write:
    | { readonly state: Float64Array; readonly take: (states: ApproximatedStates) => Promise<void> | void }
    | undefined
}

/**
 * Reads the hidden states of both layers once, and adds up what every method makes of them.
 * @returns the number of tokens read, masked ones included
 * @throws what `evaluate` throws about activations; the reason of `signal`
 */
export async function passTokens(
  a: Sae,
  b: Sae,
  activations: ActivationsOfBoth,
  { methods, dropped, target, coactivation }: TokenSums,
  { mask, batchTokens, backend, signal, onProgress, write }: PassOptions,
): Promise<number> {
  const d = a.encoder.columns
  const [encoderA, encoderB] = [await createEncoder(a, backend), await createEncoder(b, backend)]
  const sources = await openBoth(a, b, activations, signal)
  let read = 0
  try {
    const [xA, xB] = [new Float64Array(d), new Float64Array(d)]
    for await (const batch of tokenBatches(sources, mask, batchTokens, backend, signal)) {
      const { tokens, rows, x } = batch
      const encoded = {
        a: await encoderA.encode(x[0], rows, signal),
        b: await encoderB.encode(x[1], rows, signal),
      }
      const [statesA, statesB] = x.map(widenedRows)
      const approximated = write && new Float32Array(tokens.length * d)
      for (let t = 0; t < tokens.length; t++) {
        xA.set(statesA.subarray(rows[t] * d, (rows[t] + 1) * d))
        xB.set(statesB.subarray(rows[t] * d, (rows[t] + 1) * d))
        target.add(xB)
        for (const method of methods) {
          const { activations: f, statistics } = encoded[method.from]
          decodeToken(f, t, method.route, method.own, method.target, statistics, method.state)
          method.error.add(method.state, xB)
        }
        dropped.add(xA, xB)
        coactivation.add(encoded.a.activations, encoded.b.activations, t)
        if (write) approximated!.set(write.state, t * d)
      }
      if (write && tokens.length > 0) await write.take({ tokens, values: approximated! })
      read = batch.read
      onProgress?.({ phase: 'tokens', done: read, total: sources[0].tokens })
    }
  } finally {
    for (const source of sources) await source.close()
  }
  return read
}

async function openBoth(a: Sae, b: Sae, activations: ActivationsOfBoth, signal: AbortSignal | undefined) {
  const of = typeof activations === 'string' ? { a: activations, b: activations } : activations
  if (of === null || typeof of !== 'object') throw wrongType('activations', 'a folder or { a, b }', activations)
  const first = await openActivations(of.a, a.layer, signal)
  try {
    requireWidth(first, a)
    const second = await openActivations(of.b, b.layer, signal)
    try {
      requireWidth(second, b)
    } catch (error) {
      await second.close()
      throw error
    }
    return [first, second]
  } catch (error) {
    await first.close()
    throw error
  }
}

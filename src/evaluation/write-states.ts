import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createFileAtomically, ensureDirectory, writeFileAtomically } from '../output/atomic-file.js'
import { encodeNpy, npyHeader } from '../output/npy.js'
import type { ApproximatedStates } from './approximate.js'

/** Writes approximated hidden states as they come. */
export interface StatesWriter {
  readonly write: (states: ApproximatedStates) => Promise<void>
  /** Gives both files their names. */
  readonly commit: () => Promise<void>
  /** Leaves nothing behind; does nothing after `commit`. */
  readonly discard: () => Promise<void>
}

/**
 * Begins `NAME.xhat.npy`, f32 [tokens, d], and `NAME.tokens.npy`, int32 [tokens]: which row of the activations each one
 * stands for. Tokens that a mask leaves out are in neither.
 *
 * @param path with the NAME, without an extension
 * @throws `OUTPUT_FAILED`, also on writing
 */
export async function createStatesWriter(path: string, dimension: number): Promise<StatesWriter> {
  await ensureDirectory(dirname(path))
  const file = await createFileAtomically(`${path}.xhat.npy`)
  const written: Int32Array[] = []
  const header = (tokens: number) => npyHeader(new Float32Array(), [tokens, dimension])
  // the number of tokens is known at the end, and leaves the length of the header as it is
  await file.write(header(0))
  return {
    async write({ tokens, values }) {
      written.push(tokens)
      await file.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    },
    async commit() {
      const tokens = new Int32Array(written.reduce((count, batch) => count + batch.length, 0))
      let at = 0
      for (const batch of written) {
        tokens.set(batch, at)
        at += batch.length
      }
      await file.write(header(tokens.length), 0)
      // those of an earlier run are not the tokens of these states, if this one ends here
      await rm(`${path}.tokens.npy`, { force: true }).catch(() => {})
      await file.commit()
      await writeFileAtomically(`${path}.tokens.npy`, encodeNpy(tokens))
    },
    discard: () => file.discard(),
  }
}

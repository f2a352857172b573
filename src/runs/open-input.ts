import { basename, dirname } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { splitOutputLayer, withOutputLayer } from '../formats/output-layer.js'
import { loadSae } from '../matching/load.js'
import { hashFile } from '../output/file-hash.js'
import type { InputRecord } from '../output/pair-files.js'
import type { Sae } from '../sae/sae.js'

/**
 * Loads an SAE that a run directory names, from where it lay then.
 * @param activationScale the factor on its activations that the user gave for the run
 * @throws `INPUT_CHANGED` where a file is another one now, and what `loadSae` throws; the reason of `signal`
 */
export async function openInput(
  { path, family, files }: InputRecord,
  activationScale: number | undefined,
  signal?: AbortSignal,
): Promise<Sae> {
  for (const recorded of files) {
    const found = await hashFile(recorded.path, signal && { signal })
    if (found.sha256 === recorded.sha256) continue
    const message = `${recorded.path}: expected sha256 ${recorded.sha256} as in the run directory, found ${found.sha256}`
    throw new SaeMatchError('INPUT_CHANGED', message, { hint: 'Match the checkpoints again.' })
  }
  // the path as it was typed may be relative to another folder; those of the files are absolute
  const { place, outputLayer } = splitOutputLayer(path)
  const named = files.find((file) => basename(file.path) === basename(place))?.path ?? dirname(files[0].path)
  return loadSae(withOutputLayer(named, outputLayer), { format: family, activationScale, signal })
}

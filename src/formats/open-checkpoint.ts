import type { Checkpoint, CheckpointHeader } from './checkpoint.js'
import type { Container } from './container.js'
import type { CheckpointLocation, Family, ReadOptions } from './family.js'
import type { SourceFile } from './file.js'

/** Where in a model an SAE belongs. */
export type ModelPlace = Pick<CheckpointHeader, 'hook' | 'layer' | 'site' | 'outputSite' | 'model'>

/** A checkpoint whose files are open and whose headers were found right; no tensor is read yet. */
export interface OpenCheckpoint
  extends ModelPlace,
    Pick<CheckpointHeader, 'features' | 'dimension' | 'outputDimension'> {
  readonly files: readonly SourceFile[]
  /** Reads the tensors. */
  read(): Promise<Omit<Checkpoint, 'source' | keyof ModelPlace>>
}

/** Opens a container that is closed when reading is over. */
export type Keep = <C extends Container>(opening: Promise<C>) => Promise<C>

/** A family that says once how its files are opened; its header and its tensors both come from there. */
export interface OpeningFamily extends Pick<Family, 'name' | 'files' | 'recognises' | 'holds' | 'outputLayers'> {
  open(location: CheckpointLocation, options: ReadOptions, keep: Keep): Promise<OpenCheckpoint>
}

/** Makes a {@link Family} of what opens its checkpoints. */
export function familyOf({ open, ...names }: OpeningFamily): Family {
  const { name: family } = names
  async function opened<T>(
    location: CheckpointLocation,
    options: ReadOptions,
    use: (checkpoint: OpenCheckpoint) => T | Promise<T>,
  ): Promise<T> {
    const containers: Container[] = []
    const keep: Keep = async (opening) => {
      const container = await opening
      containers.push(container)
      return container
    }
    try {
      return await use(await open(location, options, keep))
    } finally {
      await Promise.all(containers.map((container) => container.close()))
    }
  }
  return {
    ...names,
    readHeader: (location, options) =>
      opened(location, options, ({ files, read: _, ...header }) => ({
        family,
        path: location.path,
        files: files.map(({ path }) => path),
        ...header,
      })),
    read: (location, options) =>
      opened(location, options, async ({ files, read, hook, layer, site, outputSite, model }) => ({
        source: { family, path: location.path, files },
        hook,
        layer,
        site,
        outputSite,
        model,
        ...(await read()),
      })),
  }
}

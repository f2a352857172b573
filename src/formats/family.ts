import type { Checkpoint, CheckpointHeader } from './checkpoint.js'

/** A checkpoint as the caller names it. */
export interface CheckpointLocation {
  /** As given. */
  readonly path: string
  /** The folder itself, or the one the file lies in. */
  readonly folder: string
  /** The file's name, or null where a folder was given. */
  readonly file: string | null
  /** The names of what the folder holds. */
  readonly names: ReadonlySet<string>
  /** The layer whose decoder is meant, of those that a crosscoder writes to (`FILE#9`), or null. */
  readonly outputLayer: number | null
}

/** What a caller may say about a checkpoint that its files do not. */
export interface CheckpointOptions {
  /**
   * The factor s by which activations are multiplied before encoding where the checkpoint says that they are scaled
   * to an expected norm but not by how much (SAELens keeps it in its registry as `norm_scaling_factor`).
   */
  readonly activationScale?: number | undefined
}

/** {@link CheckpointOptions}, and how reading is told to stop. */
export interface ReadOptions extends CheckpointOptions {
  /** Reading ends with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** A family of checkpoints that share names, files and conventions. */
export interface Family {
  readonly name: string
  /** The files that make a folder one of its checkpoints, for messages. */
  readonly files: string
  /** Whether the names at this place are those of a checkpoint of this family. */
  recognises(location: CheckpointLocation): boolean
  /**
   * Whether the files hold one, asked only where several families recognise the names. Looks at headers alone.
   * A family without it does not look.
   */
  holds?(location: CheckpointLocation, options: ReadOptions): Promise<boolean>
  /**
   * The layers that a crosscoder writes to, each of which is an SAE of its own (`PATH#9`); null for what is one SAE.
   * A family without it has none such.
   */
  outputLayers?(location: CheckpointLocation): Promise<readonly number[] | null>
  /** What it is and where it belongs. Costs next to nothing: no tensor is read. */
  readHeader(location: CheckpointLocation, options: ReadOptions): Promise<CheckpointHeader>
  /** Reads it; decides orientation, computes nothing. Every header is checked before the first tensor is read. */
  read(location: CheckpointLocation, options: ReadOptions): Promise<Checkpoint>
}

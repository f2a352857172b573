import type { CheckpointLocation, ReadOptions } from './family.js'
import { openTorch } from './torch.js'

/** Whether a place is a single file of torch.save: only its tensors tell what it holds. */
export function isTorchFile({ file }: CheckpointLocation): boolean {
  return file !== null && /\.pth?$/i.test(file)
}

/** Whether the file at a place has these tensors. @throws as `openTorch` */
export async function torchFileHas(
  { path }: CheckpointLocation,
  { signal }: ReadOptions,
  tensors: readonly string[],
): Promise<boolean> {
  const container = await openTorch(path, signal)
  await container.close()
  return tensors.every((name) => container.tensors.has(name))
}

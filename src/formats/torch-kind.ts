import { SaeMatchError } from '../errors.js'
import { type OpenFile, readBytes } from './file.js'

const save = 'A recent PyTorch writes what can be read: torch.save(torch.load(path, weights_only=True), path).'

/** What files of the same names hold that is no zip archive, by the bytes at a place near its beginning. */
const kinds: readonly { at: number; begins: Buffer; name: string; hint?: string }[] = [
  { at: 0, begins: Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex'), name: 'what it wrote before 1.6', hint: save },
  { at: 257, begins: Buffer.from('ustar'), name: 'a tar archive, which it wrote before 0.1.10', hint: save },
  { at: 0, begins: Buffer.from([0x80]), name: 'a bare pickle', hint: save },
  { at: 0, begins: Buffer.from('version https://git-lfs'), name: 'a pointer of Git LFS', hint: 'Run git lfs pull.' },
  { at: 8, begins: Buffer.from('{"'), name: 'safetensors' },
]

/** Refuses a file that is no zip archive, and says what it is. @throws `FORMAT_INVALID`, `FILE_TRUNCATED` */
export async function requireZip(file: OpenFile): Promise<void> {
  const expected = `${file.path}: expected a zip archive of torch.save`
  if (file.bytes === 0) throw new SaeMatchError('FILE_TRUNCATED', `${expected}, found no bytes`)
  const start = await readBytes(file, 0, Math.min(file.bytes, 512))
  if (start.toString('latin1', 0, 2) === 'PK') return
  const kind = kinds.find(({ at, begins }) => start.subarray(at, at + begins.length).equals(begins))
  throw new SaeMatchError('FORMAT_INVALID', `${expected}, found ${kind?.name ?? 'something else'}`, {
    hint: kind?.hint,
  })
}

import { createHash, type Hash, randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SaeMatchError } from '../errors.js'
import { makeDirectory } from '../make-directory.js'
import { blobPath, hasFile, linkBlob, writing } from './cache.js'
import { escapePath, type HubFile } from './client.js'
import type { HubReference } from './reference.js'
import { causeText, fetchHub, readPieces, sleepBefore } from './request.js'
import type { HubSettings } from './settings.js'

/** How a download is followed and stopped. */
export interface DownloadOptions {
  readonly signal: AbortSignal | undefined
  /** Called with the bytes of this file that are there. */
  readonly onBytes: (bytes: number) => void
}

/** Connections that are cut without having brought a byte, in a row, before it is given up. */
const attempts = 5
/**
 * A part that nobody has written to for so long, longer than a request with all its repetitions may take, belongs to a
 * process that is gone. One that is given up is made as old as can be.
 */
const abandonedMilliseconds = 900_000

/**
 * Sees to it that a snapshot of the cache has a file: downloads what is not there, checks it against its hash, and only
 * then gives it its name. What was downloaded of a file is kept when it is interrupted, and continued the next time.
 *
 * @throws SaeMatchError `HUB_CHECKSUM`, `OUTPUT_FAILED`, and what `fetchHub` throws; the reason of `signal`
 */
export async function fetchFile(
  file: HubFile,
  reference: HubReference,
  commit: string,
  settings: HubSettings,
  options: DownloadOptions,
): Promise<void> {
  const { cache, endpoint } = settings
  const { repository } = reference
  if (await hasFile(cache, repository, commit, file)) return
  const target = blobPath(cache, repository, file.blob)
  const there = await stat(target).catch(() => null)
  if (there?.size !== file.bytes) {
    const address = `${endpoint}/${repository}/resolve/${commit}/${escapePath(file.path)}`
    await writing(target, () => makeDirectory(dirname(target)))
    await download(target, { file, reference: { ...reference, path: file.path }, address, settings, options })
  }
  await linkBlob(cache, repository, commit, file)
}

/** A file on its way, and where from. */
interface Transfer {
  readonly file: HubFile
  readonly reference: HubReference
  readonly address: string
  readonly settings: HubSettings
  readonly options: DownloadOptions
}

/** A part of a file, and how far it is. */
interface Part {
  readonly path: string
  readonly handle: FileHandle
  hash: Hash
  bytes: number
}

async function download(target: string, transfer: Transfer): Promise<void> {
  const { file, address, options } = transfer
  const path = await claimPart(target)
  const handle = await writing(path, () => open(path, 'a+'))
  try {
    const part: Part = { path, handle, hash: startHash(file), bytes: 0 }
    const resumed = await readPart(part, file, options.signal)
    await fillPart(part, transfer)
    if (resumed && part.hash.copy().digest('hex') !== file.blob) {
      // what was there from the time before may have been damaged
      await restart(part, file)
      await fillPart(part, transfer)
    }
    if (part.hash.digest('hex') !== file.blob) throw wrongContents(file, address)
    await writing(path, () => handle.sync())
  } catch (error) {
    await handle.close()
    if (isWrong(error)) await rm(path, { force: true })
    else await utimes(path, 0, 0).catch(() => {})
    throw error
  }
  await handle.close()
  await writing(target, () => rename(path, target))
}

/** Appends until the file is as long as the hub says, from where a cut connection left it. */
async function fillPart(part: Part, { file, reference, address, settings, options }: Transfer): Promise<void> {
  const { signal, onBytes } = options
  let failures = 0
  let most = part.bytes
  while (part.bytes < file.bytes) {
    onBytes(part.bytes)
    await touch(part.path)
    const response = await fetchHub(address, reference, settings, { signal, from: part.bytes })
    try {
      if (!goesOn(response, part)) await startOver(response, part, file)
      for await (const piece of readPieces(response, signal)) {
        if (part.bytes + piece.length > file.bytes) throw wrongContents(file, address)
        await writing(part.path, () => part.handle.appendFile(piece))
        part.hash.update(piece)
        part.bytes += piece.length
        onBytes(part.bytes)
      }
      if (part.bytes < file.bytes)
        throw new Error(`the connection was closed after ${part.bytes} of ${file.bytes} bytes`)
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof SaeMatchError) throw cause
      // a server that ignores ranges may be cut at the same place for ever
      failures = part.bytes > most ? 1 : failures + 1
      most = Math.max(most, part.bytes)
      if (failures === attempts) {
        throw new SaeMatchError('HUB_UNAVAILABLE', `${address}: ${causeText(cause)}`, {
          hint: 'The same command goes on from where the download was cut.',
          cause,
        })
      }
      await sleepBefore(failures, null, settings, signal)
    }
  }
}

/** The part is begun anew with an answer that is the whole file. @throws Error for any other: it has to be asked for again */
async function startOver(response: Response, part: Part, file: HubFile): Promise<void> {
  const from = part.bytes
  await restart(part, file)
  if (response.status === 200) return
  await response.body?.cancel().catch(() => {})
  throw new Error(`the hub answers ${response.status} to a request for what follows byte ${from}`)
}

/** Whether an answer goes on where the part ends; a server may ignore what was asked for. */
function goesOn({ status, headers }: Response, { bytes }: Part): boolean {
  if (bytes === 0) return status !== 206 && status !== 416
  return status === 206 && Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) === bytes
}

async function restart(part: Part, file: HubFile): Promise<void> {
  await part.handle.truncate(0)
  part.hash = startHash(file)
  part.bytes = 0
}

/** Reads what an earlier download left. Returns whether there was anything. */
async function readPart(part: Part, file: HubFile, signal: AbortSignal | undefined): Promise<boolean> {
  const { size } = await part.handle.stat()
  if (size > file.bytes) await restart(part, file)
  const piece = Buffer.alloc(2 ** 20)
  while (size <= file.bytes) {
    signal?.throwIfAborted()
    const { bytesRead } = await part.handle.read(piece, 0, piece.length, part.bytes)
    if (bytesRead === 0) break
    part.hash.update(piece.subarray(0, bytesRead))
    part.bytes += bytesRead
  }
  return part.bytes > 0
}

/** sha256 for what the hub keeps outside of git; git's own hash for the rest. */
function startHash({ sha256, bytes }: HubFile): Hash {
  return sha256 === null ? createHash('sha1').update(`blob ${bytes}\0`) : createHash('sha256')
}

/**
 * A name that no other process writes to, with what an earlier download left of the same contents. What is written to at
 * this time, also by other clients of the hub, is left alone.
 */
async function claimPart(target: string): Promise<string> {
  const own = `${target}.${randomBytes(4).toString('hex')}.sae-match.incomplete`
  const [folder, blob] = [dirname(target), basename(target)]
  const isOurs = (name: string) => name.startsWith(`${blob}.`) && name.endsWith('.sae-match.incomplete')
  let claimed = false
  for (const name of await writing(target, () => readdir(folder))) {
    if (name !== `${blob}.incomplete` && !isOurs(name)) continue
    const path = join(folder, name)
    const kind = await stat(path).catch(() => null)
    if (kind === null || Date.now() - kind.mtimeMs < abandonedMilliseconds) continue
    if (claimed && isOurs(name)) await rm(path, { force: true })
    if (claimed) continue
    // young before it has the new name, or the next process would take it for abandoned
    await touch(path)
    claimed = await rename(path, own).then(
      () => true,
      () => false,
    )
  }
  return own
}

/** Says that somebody is writing. */
async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {})
}

function wrongContents({ path, bytes, blob }: HubFile, address: string): SaeMatchError {
  const message = `${address}: expected ${bytes} bytes of hash ${blob} for ${path}, found other contents`
  return new SaeMatchError('HUB_CHECKSUM', message, {
    hint: 'Nothing was kept. Try again; a proxy or mirror may be at fault.',
  })
}

function isWrong(error: unknown): boolean {
  return error instanceof SaeMatchError && error.code === 'HUB_CHECKSUM'
}

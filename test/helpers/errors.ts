import { expect } from 'vitest'
import type { ErrorCode } from '../../src/errors.js'

/** Expects a failure with a code, whose message holds every one of `parts`. */
export async function expectFailure(failing: Promise<unknown>, code: ErrorCode, ...parts: string[]): Promise<void> {
  const error = await failing.then(
    () => null,
    (reason) => reason,
  )
  expect(error, `expected ${code}, but nothing failed`).not.toBeNull()
  expect({ code: error.code, message: error.message }).toMatchObject({ code })
  for (const part of parts) expect(error.message).toContain(part)
}

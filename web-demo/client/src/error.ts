// What a server's refusal looks like to an application.

interface Problem {
  code?: unknown
  title?: unknown
  detail?: unknown
}

/** The close codes of weft's sockets, which applications of y-websocket know: 4000 and the status. */
export const CLOSE_CODE_BASE = 4000
export const CLOSE_CODE_DELETED = 4404

/** Statuses below 500 that say "later" or "perhaps elsewhere" rather than "never". */
const TRANSIENT = new Set([404, 408, 425, 429])

/** An answer other than the one asked for: RFC 9457 problem details, as far as the body had them. */
export class WeftError extends Error {
  readonly status: number
  /** weft's short name of the problem, such as `malformed_update`; empty if the body named none. */
  readonly code: string
  /** Whether the same request may succeed later. The provider tries again by itself exactly if this is true. */
  readonly retryable: boolean
  /** What `Retry-After` asked for; 0 if it did not. */
  readonly retryAfterMs: number

  constructor(status: number, code: string, detail: string, retryAfterMs = 0) {
    super(detail)
    this.name = 'WeftError'
    this.status = status
    this.code = code
    this.retryable = status >= 500 || status < 400 || TRANSIENT.has(status)
    this.retryAfterMs = retryAfterMs
  }

  static async from(response: Response): Promise<WeftError> {
    let problem: Problem = {}
    try {
      const body: unknown = JSON.parse(await response.text())
      if (typeof body === 'object' && body !== null) problem = body
    } catch {
      // Not JSON, or cut off: the status alone has to do.
    }
    const text = [problem.detail, problem.title].find((part) => typeof part === 'string' && part !== '')
    const code = typeof problem.code === 'string' ? problem.code : ''
    const retryAfterS = Number(response.headers.get('retry-after') ?? 0)
    const retryAfterMs = Number.isFinite(retryAfterS) ? Math.max(0, retryAfterS) * 1000 : 0
    const detail = typeof text === 'string' ? text : `The server answered ${response.status}.`
    return new WeftError(response.status, code, detail, retryAfterMs)
  }
}

/** Whether a request failed because the document has been deleted. */
export function saysDeleted(error: unknown): boolean {
  return error instanceof WeftError && error.status === 410
}

/** Whether a write was refused because the document's life, its epoch, is another one than the writer knew. */
export function saysEpochChanged(error: unknown): boolean {
  return error instanceof WeftError && error.status === 409
}

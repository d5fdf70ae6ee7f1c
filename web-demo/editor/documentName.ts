// Which document the page shows: ?doc=NAME in its address.
const DEFAULT_NAME = 'welcome'
/** Bytes of UTF-8 that weft takes as a document's name. */
const NAME_BYTES_MAX = 255

export const nameFromAddress = (): string => new URLSearchParams(location.search).get('doc') || DEFAULT_NAME

export const addressOf = (name: string): string => `?doc=${encodeURIComponent(name)}`

/** Why weft would not take this name, or null. */
export const nameProblem = (name: string): string | null => {
  if (name === '' || name === '.' || name === '..') return 'Choose another name.'
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'A name has no control characters.'
  if (new TextEncoder().encode(name).length > NAME_BYTES_MAX) return 'This name is too long.'
  return null
}

// Which document the address names: /?doc=NAME, or /#NAME; and with &at=ID, which moment of its past.

export const FIRST_DOCUMENT = 'welcome'

export function documentInAddress(): string {
  const named = new URLSearchParams(location.search).get('doc')
  if (named) return named
  try {
    return decodeURIComponent(location.hash.slice(1)) || FIRST_DOCUMENT
  } catch {
    return location.hash.slice(1)
  }
}

/** The id of an event, or null for the document as it is. */
export function momentInAddress(): string | null {
  return new URLSearchParams(location.search).get('at') || null
}

export function addressOf(name: string, at?: string): string {
  return `${location.pathname}?${new URLSearchParams({ doc: name, ...(at === undefined ? {} : { at }) })}`
}

export function goTo(name: string, at?: string): void {
  history.pushState(null, '', addressOf(name, at))
  dispatchEvent(new PopStateEvent('popstate'))
}

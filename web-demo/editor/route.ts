// Which document the address names: /?doc=NAME, or /#NAME.

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

export function addressOf(name: string): string {
  return `${location.pathname}?${new URLSearchParams({ doc: name })}`
}

export function goTo(name: string): void {
  history.pushState(null, '', addressOf(name))
  dispatchEvent(new PopStateEvent('popstate'))
}

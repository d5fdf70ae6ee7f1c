// Which document the address names: /?doc=NAME, or /#NAME; with &at=ID, which moment of its past; and with &transport=KIND,
// how it is followed. That stays in the address wherever one goes.
import { isTransportChoice, type TransportChoice } from './transport'

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

export function transportInAddress(): TransportChoice {
  const named = new URLSearchParams(location.search).get('transport')
  return isTransportChoice(named) ? named : 'auto'
}

export function addressOf(name: string, at?: string, transport = transportInAddress()): string {
  const query = new URLSearchParams({ doc: name })
  if (at !== undefined) query.set('at', at)
  if (transport !== 'auto') query.set('transport', transport)
  return `${location.pathname}?${query}`
}

export function goTo(name: string, at?: string, transport?: TransportChoice): void {
  history.pushState(null, '', addressOf(name, at, transport))
  dispatchEvent(new PopStateEvent('popstate'))
}

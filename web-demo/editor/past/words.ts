// Moments and mishaps, in words.
import { WeftError } from 'weft-client'

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const exactTime = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat('en', { weekday: 'short', day: 'numeric', month: 'short' })
const dayOfYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' })
const DAY_MS = 24 * 60 * 60_000

export function dayInWords(at: number, now = Date.now()): string {
  const date = new Date(at)
  if (date.toDateString() === new Date(now).toDateString()) return 'Today'
  if (date.toDateString() === new Date(now - DAY_MS).toDateString()) return 'Yesterday'
  return date.getFullYear() === new Date(now).getFullYear() ? day.format(date) : dayOfYear.format(date)
}

export function momentInWords(at: number): string {
  return `${dayInWords(at)}, ${exactTime.format(at)}`
}

/** As part of a sentence: today at 10:53:15. */
export function momentInProse(at: number): string {
  const day = dayInWords(at)
  return `${day === 'Today' || day === 'Yesterday' ? day.toLowerCase() : `on ${day}`} at ${exactTime.format(at)}`
}

export function spanInWords(from: number, to: number): string {
  return time.formatRange(from, to)
}

export function editsInWords(count: number): string {
  return count === 1 ? '1 edit' : `${count.toLocaleString('en')} edits`
}

const PROBLEMS: Record<string, string> = {
  event_gone: 'This version is not kept any more: since then the document was deleted and begun anew, or brought back from a backup.',
  event_unknown: 'There is no such version. It may be still to come, or the link is not complete.',
  bad_request: 'There is no such version: the link is not complete.',
  document_deleted: 'This document was deleted, and its history with it.',
  epoch_changed: 'The document was deleted and begun anew in the meantime, so this version cannot be restored.',
  storage_full: 'The server has no room left on its disk, so nothing can be restored now.',
  overloaded: 'The server has too much to do. Try again in a moment.',
  draining: 'The server is about to restart. Try again in a moment.',
}

export function problemInWords(error: unknown): string {
  if (error instanceof WeftError) return PROBLEMS[error.code] ?? error.message
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'The server does not answer. Try again in a moment.'
  return 'The server cannot be reached. Try again when you are connected.'
}

/** Whether asking again might help. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof WeftError) || (error.retryable && error.status !== 404)
}

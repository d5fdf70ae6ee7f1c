export { WeftError } from './error.js'
export { type ContentShape, type HistoryEvent, type HistoryPage, type HistoryRange, WeftHistory } from './history.js'
export { WeftProvider, type WeftProviderEvents, type WeftProviderOptions } from './provider.js'
export type { HeadersSource, Receipt, RequestOptions } from './server.js'

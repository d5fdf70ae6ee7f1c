export { WeftError } from './error.js'
export { WeftProvider, type WeftProviderEvents, type WeftProviderOptions } from './provider.js'
export type { HeadersSource } from './server.js'

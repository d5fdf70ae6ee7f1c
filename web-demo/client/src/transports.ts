// Which transport is meant, and the followers for it.
import { Auto } from './auto.js'
import type { Follower, FollowHandlers, Transport } from './follow.js'
import { longPollPace, PollFollower } from './poll.js'
import type { DocumentServer } from './server.js'
import { SocketFollower } from './socket.js'
import { EventStream } from './stream.js'

export interface TransportOptions {
  /** How to follow the document; `auto` (the default): an event stream, or long polls where streams are held back. */
  transport?: 'auto' | Transport
  /** A connection without a byte for this long is given up, in milliseconds. */
  silenceTimeout?: number
  /** `auto`: a stream that is silent for so long before its `sync` is taken to be held back, in milliseconds. */
  streamTimeout?: number
  /** `auto`: while polling, a stream is tried again after this time, in milliseconds. */
  streamRetryInterval?: number
  /** The time between two polls, and with both kinds of polls between two looks at who is present, in milliseconds. */
  pollInterval?: number
  /** What opens a WebSocket where the platform has none, such as that of the package `ws`. */
  WebSocketPolyfill?: unknown
}

/** A follower for each attempt. */
export type FollowerSource = (handlers: FollowHandlers) => Follower

export function followersFor(server: DocumentServer, clientId: number, options: TransportOptions): FollowerSource {
  const silenceMs = options.silenceTimeout ?? 40_000
  const intervalMs = options.pollInterval ?? 2000
  const stream = (handlers: FollowHandlers, beforeSyncMs: number) =>
    new EventStream(server, handlers, clientId, { silenceMs, beforeSyncMs })
  const longPoll = (handlers: FollowHandlers) => new PollFollower(server, handlers, longPollPace(intervalMs, silenceMs))
  switch (options.transport ?? 'auto') {
    case 'sse':
      return (handlers) => stream(handlers, silenceMs)
    case 'long-poll':
      return longPoll
    case 'poll':
      return (handlers) => new PollFollower(server, handlers, { waitS: 0, intervalMs, silenceMs })
    case 'websocket': {
      const Socket = socketOf(options)
      return (handlers) => new SocketFollower(server, handlers, Socket, silenceMs)
    }
    case 'auto': {
      const beforeSyncMs = Math.min(options.streamTimeout ?? 5000, silenceMs)
      const climbMs = options.streamRetryInterval ?? 60_000
      const auto = new Auto({ stream: (handlers) => stream(handlers, beforeSyncMs), poll: longPoll, climbMs })
      return (handlers) => auto.follower(handlers)
    }
  }
}

function socketOf(options: TransportOptions): typeof WebSocket {
  const found = options.WebSocketPolyfill ?? (typeof WebSocket === 'undefined' ? undefined : WebSocket)
  if (found === undefined) throw new Error('there is no WebSocket here: give one as WebSocketPolyfill')
  return found as typeof WebSocket
}

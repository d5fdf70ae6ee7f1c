// Runs the program's commands, and knows what they print.
import { spawnSync } from 'node:child_process'

import assert from 'node:assert/strict'

import { PATIENCE_MS, weftBin } from './server.mjs'

/** Runs one command to its end: { status, stdout (bytes), stderr (text) }. */
export const run = (args, { input, env = {}, command = [], stdio } = {}) => {
  const line = [...command, weftBin, ...args]
  const ended = spawnSync(line[0], line.slice(1), {
    input, stdio, timeout: 4 * PATIENCE_MS, maxBuffer: 1 << 30, env: { ...process.env, ...env }
  })
  return { status: ended.status, signal: ended.signal, stdout: ended.stdout, stderr: ended.stderr?.toString() ?? '' }
}

/** Runs a command that must do well and say nothing of it; its standard output. */
export const well = (args, options) => {
  const { status, signal, stdout, stderr } = run(args, options)
  assert.equal(stderr, '', args.join(' '))
  assert.equal(status, 0, `${args.join(' ')}: ${signal}`)
  return stdout
}

/** Runs a command that must fail: it says why in one line, prints nothing else, and exits with `status`. */
export const fails = (args, pattern, { status = 1, ...options } = {}) => {
  const ended = run(args, options)
  assert.equal(ended.status, status, `${args.join(' ')}: ${ended.signal} ${ended.stderr}`)
  assert.match(ended.stderr, /^weft: [^\n]+\n$/)
  assert.match(ended.stderr, pattern)
  assert.equal(ended.stdout.toString(), '')
}

/** The lines of an exported history. */
export const linesOf = bytes => bytes.toString().split('\n').slice(0, -1)
export const eventsOf = bytes => linesOf(bytes).map(line => JSON.parse(line))

/** Without what differs from life to life. */
export const withoutEpoch = bytes => linesOf(bytes).map(line => line.replace(/"id":"(\d+)\.[0-9a-f]{8}"/, '"id":"$1"'))

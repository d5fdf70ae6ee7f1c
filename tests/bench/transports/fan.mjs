// Runs the load program on core 1, and reads the line that it prints.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import { endsWithUs, restart, start } from './servers.mjs'

const program = process.env.FAN ?? new URL('../../../build/release/tests/bench/fan/fan', import.meta.url).pathname

const read = line => Object.fromEntries(line.split(' ').slice(1).map(pair => {
  const [key, value] = pair.split('=')
  return [key, key === 'transport' ? value : Number(value)]
}))

// One run of a work. A run that fails is null, and says why on standard error: no figure is better than a wrong one.
export const fan = (work, transport, server, flags = {}, onAway) => new Promise(resolve => {
  const given = Object.entries({ port: server.port, pid: server.pid, transport, ...flags }).flatMap(([k, v]) => [`--${k}`, v])
  const child = spawn('taskset', ['-c', '1', program, work, ...given], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 300000 })
  endsWithUs(child)
  let result = null
  createInterface({ input: child.stdout }).on('line', async line => {
    if (line !== 'away') {
      result = read(line)
      process.stderr.write(`${line}\n`)
      return
    }
    await onAway()
    child.stdin.write('\n')
  })
  child.once('close', code => {
    if (code !== 0) process.stderr.write(`${work} over ${transport} failed: ${given.join(' ')}\n`)
    resolve(code === 0 ? result : null)
  })
})

export const median = numbers => {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b)
  return sorted.length > 0 ? sorted[Math.floor(sorted.length / 2)] : NaN
}

// Of runs, the median of each figure.
const middle = runs => {
  const done = runs.filter(Boolean)
  if (done.length === 0) return null
  return Object.fromEntries(Object.keys(done[0]).map(key => [key, median(done.map(run => run[key]))]))
}

// A work on each column (columns.mjs), in turn, `rounds` times. Returns the medians by column.
export const rounds = async (count, work, columns, flags) => {
  const servers = {}
  const runs = {}
  for (let round = 0; round < count; round++) {
    for (const [name, column] of Object.entries(columns)) {
      servers[column.server] ??= await start(column.server)
      const run = await fan(work, column.transport, servers[column.server], { ...column.flags, ...flags })
      ;(runs[name] ??= []).push(run)
    }
  }
  for (const server of Object.values(servers)) await server.stop()
  return Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, middle(all)]))
}

// A work on each column, all at the same time, each on a server of its own.
export const together = async (work, columns, flags) => {
  const all = Object.entries(columns).map(async ([name, column]) => {
    const server = await start(column.server)
    const run = await fan(work, column.transport, server, { ...column.flags, ...flags })
    await server.stop()
    return [name, run]
  })
  return Object.fromEntries(await Promise.all(all))
}

// A work on each column after another, each on a server of its own, `count` times. Returns the medians by column.
export const alone = async (count, work, columns, flags) => {
  const runs = {}
  for (let round = 0; round < count; round++) {
    for (const [name, column] of Object.entries(columns)) {
      const run = await together(work, { [name]: column }, flags)
      ;(runs[name] ??= []).push(run[name])
    }
  }
  return Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, middle(all)]))
}

// Readers are cut off because their server dies; another one, on the same data, takes their place.
export const killed = async (column, flags) => {
  let server = await start(column.server)
  const run = await fan('cut', column.transport, { port: server.port, pid: 0 }, { ...column.flags, ...flags, pause: 1 },
    async () => { server = await restart(server) })
  await server.stop()
  return run
}

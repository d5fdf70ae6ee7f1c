// The servers that are compared: how each is started, on core 0, and where it listens.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { arch } from 'node:process'
import { join } from 'node:path'

const here = new URL('.', import.meta.url).pathname
const release = join(here, '../../../build/release')
// Hocuspocus 4 needs Node 22; Debian 12 has 18. Both Node servers run on the Node that the lock file brings.
const node = join(here, `node_modules/node-linux-${arch}/bin/node`)
const descriptorsMax = 19900

const freePort = () => new Promise(resolve => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})

// Whatever ends this program ends its children too.
const running = new Set()
process.on('exit', () => running.forEach(child => child.kill()))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

export const endsWithUs = child => {
  running.add(child)
  child.once('close', () => running.delete(child))
}

// A program on core 0, once it has printed a line that ends with its port, or `port` takes connections.
const launch = (args, { env, port, dir }) => new Promise((resolve, reject) => {
  const child = spawn('taskset', ['-c', '0', ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  endsWithUs(child)
  let out = ''
  let said = ''
  child.stderr.on('data', text => { said = (said + text).slice(-4000) })
  child.once('exit', code => {
    process.stderr.write(`${args.join(' ')} ended with ${code}: ${said}\n`)
    reject(new Error(args[0]))
  })
  const ready = found => resolve({
    child, dir, pid: child.pid, port: found,
    stop: () => new Promise(done => {
      const clear = () => done(rmSync(dir, { recursive: true, force: true }))
      if (child.exitCode !== null || child.signalCode !== null) return clear()
      child.removeAllListeners('exit')
      child.once('exit', clear)
      child.kill()
    })
  })
  child.stdout.on('data', text => {
    out += text
    const found = /(\d+)\n/.exec(out)
    if (found && !port) ready(Number(found[1]))
  })
  const knock = () => net.connect(port, '127.0.0.1', function () { this.destroy(); ready(port) })
    .on('error', () => setTimeout(knock, 50))
  if (port) knock()
})

const nchanConfig = (port, dir) => `
daemon off; worker_processes 1; pid ${dir}/pid; error_log ${dir}/log;
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
worker_rlimit_nofile ${descriptorsMax};
events { worker_connections ${descriptorsMax}; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s; nchan_shared_memory_size 1G;
  client_body_temp_path ${dir}/body; client_body_buffer_size 64k; client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/pub/(.+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 8000; nchan_message_timeout 10m; }
    location ~ ^/sub/(.+)$ { nchan_subscriber; nchan_channel_id $1; nchan_subscriber_first_message newest; }
  }
}`

const starts = {
  weft: (dir, port = 0) => launch([process.env.WEFT ?? join(release, 'src/weft'), 'serve', '--listen', `127.0.0.1:${port}`,
    '--data', join(dir, 'store')], { dir }),
  floor: dir => launch([join(release, 'tests/bench/fan/floor')], { dir }),
  hocuspocus: dir => launch([node, join(here, 'hocuspocus.mjs')], { dir }),
  'y-websocket': async dir => {
    const port = await freePort()
    return launch([node, join(here, 'node_modules/@y/websocket-server/src/server.js')],
      { dir, port, env: { HOST: '127.0.0.1', PORT: String(port) } })
  },
  nchan: async dir => {
    const port = await freePort()
    writeFileSync(join(dir, 'nginx.conf'), nchanConfig(port, dir))
    const server = await launch(['nginx', '-e', join(dir, 'log'), '-c', join(dir, 'nginx.conf')], { dir, port })
    // The worker does all of it, and the master nothing.
    let worker = ''
    while (worker === '') worker = spawnSync('pgrep', ['-P', server.pid], { encoding: 'utf8' }).stdout.trim()
    return { ...server, pid: Number(worker) }
  }
}

// Starts a server on fresh data; `stop` ends it and removes them.
export const start = name => starts[name](mkdtempSync(join(process.env.BENCH_DIR, `${name}-`)))

// weft, killed and started again on the same data and the same port.
export const restart = async server => {
  server.child.removeAllListeners('exit')
  const gone = new Promise(resolve => server.child.once('exit', resolve))
  server.child.kill('SIGKILL')
  await gone
  return starts.weft(server.dir, server.port)
}

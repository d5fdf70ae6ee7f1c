// Hocuspocus as it comes, without a database.
//
//     node hocuspocus.mjs        prints a line that ends with the port
import { Server } from '@hocuspocus/server'

const server = new Server({ port: 0, address: '127.0.0.1', quiet: true })
await server.listen()
process.stdout.write(`hocuspocus: listening on ${server.address.port}\n`)

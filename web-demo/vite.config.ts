import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// In development Vite serves the page and passes the rest on to a weft server.
const weft = process.env.WEFT_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', chunkSizeWarningLimit: 2000 },
  server: { proxy: { '/docs': weft, '/ws': { target: weft, ws: true } } },
})

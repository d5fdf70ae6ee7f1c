import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// In development the API is weft's, wherever it listens: WEFT_URL=http://127.0.0.1:8080 npm run dev
const api = process.env.WEFT_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/docs': api } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 4000,
  },
})

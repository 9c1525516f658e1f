import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    // noVNC probes H.264 with a top-level await.
    target: 'es2022',
    // The server's policy is default-src 'self': nothing may become inline.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: { input: ['index.html', 'console.html'] },
  },
});

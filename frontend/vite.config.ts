import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const out = resolve(import.meta.dirname, "../src/vonglau/web/static/built");
const compressible = new Set([".js", ".mjs", ".css", ".svg", ".json"]);

/** Writes .gz and .br beside every text file once, so that no server compresses the same bytes per request. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !compressible.has(extname(path)) || entry.name === "manifest.json") continue;
        const bytes = readFileSync(path);
        if (bytes.length < 1024) continue;
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }));
      }
    },
  };
}

export default defineConfig({
  base: "./",
  publicDir: resolve(import.meta.dirname, "public"),
  plugins: [precompress()],
  build: {
    outDir: out,
    emptyOutDir: true,
    manifest: "manifest.json",
    // The content policy allows neither inline scripts nor data: fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: {
        app: resolve(import.meta.dirname, "src/app.ts"),
        citizen: resolve(import.meta.dirname, "src/citizen.ts"),
        charts: resolve(import.meta.dirname, "src/charts.ts"),
        map: resolve(import.meta.dirname, "src/map.ts"),
        reports: resolve(import.meta.dirname, "src/reports.ts"),
        sw: resolve(import.meta.dirname, "src/sw.ts"),
      },
      // The service worker keeps its name: browsers look for a newer one at the same address. It imports nothing.
      output: { entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
});

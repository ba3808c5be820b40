import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const here = dirname(fileURLToPath(import.meta.url));

/** Every `<name>/frontend/src/index.ts` is an entry called `<name>`. */
function entries(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(here).sort()) {
    const index = join(here, name, "frontend", "src", "index.ts");
    if (existsSync(index)) found[name] = index;
  }
  return found;
}

/**
 * Write `manifest.json` (entry → hashed file, the chunks it needs at once and later) and a `.gz`
 * beside each file that gains by it, so that no server compresses while a reader waits.
 */
function shelve(): Plugin {
  let folder = "";
  return {
    name: "hoichan-shelve",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    writeBundle(_options, bundle) {
      const manifest: Record<string, { js: string; imports: string[]; later: string[] }> = {};
      for (const file of Object.values(bundle)) {
        if (file.type === "chunk" && file.isEntry) {
          manifest[file.name] = {
            js: file.fileName,
            imports: file.imports,
            later: file.dynamicImports,
          };
        }
      }
      writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
      for (const name of Object.keys(bundle)) {
        if (!/\.(js|css|wasm|json|svg)$/.test(name)) continue;
        const path = join(folder, name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "./",
  publicDir: false,
  resolve: {
    alias: {
      "@common": join(here, "common"),
      // vtk.js pulls an XML writer that needs Node's `events`; no reader we use writes XML.
      xmlbuilder2: join(here, "common", "xmlbuilder2.ts"),
    },
  },
  worker: { format: "es" },
  plugins: [shelve()],
  build: {
    outDir: join(here, "dist"),
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    modulePreload: false,
    target: "es2022",
    rollupOptions: {
      input: entries(),
      preserveEntrySignatures: "strict",
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
});

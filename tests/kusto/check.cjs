// Reads KQL from standard input, {"name": "query"}, and writes what Microsoft's language service finds wrong with each:
// {"name": ["line 2: …"]}. Tables and columns are those of tables.json.
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const { tables } = JSON.parse(readFileSync(join(__dirname, "tables.json"), "utf8"));

function makeTable([name, columns]) {
  const schema = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`);
  return new Symbols.TableSymbol.$ctor7(name, `(${schema.join(", ")})`, null);
}

const workspace = new Symbols.DatabaseSymbol.ctor("workspace", Object.entries(tables).map(makeTable));
const globals = GlobalState.Default.WithDatabase(workspace);

function findFaults(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index)).map(
    (fault) => `line ${query.slice(0, fault.Start).split("\n").length}: ${fault.Message}`,
  );
}

const queries = JSON.parse(readFileSync(0, "utf8"));
const faults = Object.entries(queries).map(([name, query]) => [name, findFaults(query)]);
process.stdout.write(JSON.stringify(Object.fromEntries(faults)));

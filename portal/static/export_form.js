// Parts of the form are renewed while somebody goes on typing. An answer to what has changed since it was asked for is
// not shown, since it would undo that change; it is asked for again.

const form = () => document.getElementById("export-form");
const typed = () => form() && new URLSearchParams(new FormData(form())).toString();
let asked = "";

document.addEventListener("htmx:configRequest", () => {
  asked = typed();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig } = event.detail;
  if (!form()?.contains(requestConfig?.elt) || typed() === asked) return;
  event.detail.shouldSwap = false;
  const { elt, path } = requestConfig;
  const values = elt.id === "segment-search" ? { do: "search" } : {};
  htmx.ajax("POST", path, { source: elt, swap: "none", values });
});

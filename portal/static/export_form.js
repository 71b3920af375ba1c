// Parts of the form are renewed while somebody goes on typing and ticking. An answer to what has changed since it was
// asked for is not shown, since it would undo that change: it is asked for again.

const form = () => document.getElementById("export-form");
const typed = () => (form() ? new URLSearchParams(new FormData(form())).toString() : "");

// What asks may have been renewed itself since.
const present = (asking) =>
  asking.isConnected
    ? asking
    : document.getElementById(asking.id) || form().querySelector(`button[value="${CSS.escape(asking.value)}"]`);

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.typed = typed();
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, path, typed: asked } = event.detail.requestConfig;
  if (!form() || typed() === asked) return;
  event.detail.shouldSwap = false;
  const asking = present(elt);
  if (asking) htmx.ajax("POST", path, { source: asking, swap: "none" });
});

// On somebody's first page the server does not know their time zone yet.
const zones = document.querySelector("[data-zone-unknown] select[name='time-zone']");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zones && [...zones.options].some((each) => each.value === own)) zones.value = own;

// What pages do beyond links and forms: remember the browser's time zone, ask before what cannot be undone,
// and lead the eye to what is wrong with a form.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.split("; ").some((each) => each.startsWith("time-zone="))) {
  document.cookie = `time-zone=${encodeURIComponent(zone)}; path=/portal; max-age=31536000; samesite=lax`;
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

const showErrors = () => document.getElementById("errors")?.focus();
showErrors();
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt?.querySelector?.("#errors")) showErrors();
});

// What went wrong before is told until the next form is sent.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.verb === "post") document.getElementById("trouble")?.replaceChildren();
});

// A part that renews itself stays as it is while the app cannot answer: the next time may go well.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr } = event.detail;
  if (xhr.status >= 400 && requestConfig.elt.getAttribute("hx-trigger")?.startsWith("every")) event.detail.shouldSwap = false;
});

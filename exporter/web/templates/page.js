"use strict";
(() => {
  const every = 30000;
  const age = document.getElementById("age");
  let taken = Date.now();

  const readyToCopy = () => {
    for (const button of document.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      age.textContent = "Command copied";
    } catch {
      age.textContent = "The browser did not allow copying";
    }
  });

  // Somebody who types, marks text or fills in the form is not disturbed.
  const inUse = () => {
    const at = document.activeElement;
    const form = document.getElementById("silence");
    const marked = document.getSelection();
    return (at && at.matches("input,select,textarea")) || (form && form.open) || (marked && !marked.isCollapsed);
  };
  const named = (element) => {
    if (!element || element === document.body) return null;
    if (element.id) return `#${CSS.escape(element.id)}`;
    if (element.dataset.copy) return `[data-copy="${CSS.escape(element.dataset.copy)}"]`;
    if (element.matches("summary")) return `#${CSS.escape(element.parentElement.id)}>summary`;
    return element.matches("main a[href]") ? `main a[href="${CSS.escape(element.getAttribute("href"))}"]` : null;
  };
  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.querySelector("main");
    if (!next) throw new Error("not the page");
    for (const old of document.querySelectorAll("main details[id]")) {
      const same = next.querySelector(`#${CSS.escape(old.id)}`);
      if (same) same.open = old.open;
    }
    const focus = named(document.activeElement);
    document.querySelector("main").replaceWith(next);
    document.title = fresh.title;
    document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
    if (focus) document.querySelector(focus)?.focus({ preventScroll: true });
    readyToCopy();
  };
  const renew = async () => {
    if (document.hidden || inUse()) return;
    try {
      const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      taken = Date.now();
      age.classList.remove("stale");
      age.textContent = "";
    } catch {
      age.classList.add("stale");
      age.textContent = `The exporter does not answer; this is what it said ${Math.round((Date.now() - taken) / 60000)} min ago`;
    }
  };
  readyToCopy();
  setInterval(renew, every);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - taken > every) renew();
  });
})();

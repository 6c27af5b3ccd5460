// Keeps a page that the server made up to date while blocks come: fetched again after news, and only
// the parts that changed are put in the place of the old ones. A part in which somebody has the
// focus stays until they leave it.

const PAUSE_MS = 2_000;

// `page` names its stream of events; what an event says is not shown, it only says that there is
// something new to ask for.
export function keepLive(page: HTMLElement): void {
  const events = new EventSource(page.dataset["events"] ?? "");
  let isWaiting = false;
  events.addEventListener("block", () => {
    if (isWaiting || document.hidden) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      void refresh(page).catch(() => undefined);
    }, PAUSE_MS);
  });
  // The stream of a session that ended is refused: then the login has to be seen again.
  addEventListener("pagehide", () => events.close());
}

async function refresh(page: HTMLElement): Promise<void> {
  const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "error" });
  if (!answer.ok) return;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = made.getElementById(page.id);
  if (fresh === null || fresh.childElementCount !== page.childElementCount) return;
  [...page.children].forEach((old, at) => {
    const next = document.importNode(fresh.children[at]!, true);
    keepOpen(old, next);
    if (!old.isEqualNode(next) && !old.contains(document.activeElement)) old.replaceWith(next);
  });
  page.dataset["refreshed"] = `${Number(page.dataset["refreshed"] ?? 0) + 1}`;
}

function keepOpen(old: Element, next: Element): void {
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  next.querySelectorAll("details").forEach((one, at) => (one.open = opened[at] ?? false));
}

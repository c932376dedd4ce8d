// What scrolls sideways can be scrolled with the keyboard, and has a name for who hears the page.
for (const box of document.querySelectorAll(".bd-article table, .bd-article pre")) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    if (box.tagName === "PRE") {
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", "code or output, scrolls sideways");
    }
  }
}
// pandas leaves the corner of a table empty: that is no header.
for (const header of document.querySelectorAll(".bd-article th:empty")) {
  const cell = document.createElement("td");
  cell.className = header.className;
  header.replaceWith(cell);
}
// A section called Deeper is closed until somebody opens it, or comes to it by a link.
for (const section of document.querySelectorAll(".bd-article section")) {
  const heading = section.querySelector(":scope > h2");
  if (!heading || !heading.textContent.startsWith("Deeper")) continue;
  const fold = document.createElement("details");
  fold.className = "deeper";
  const summary = document.createElement("summary");
  summary.append("Read this section");
  fold.append(summary, ...[...section.childNodes].filter((node) => node !== heading));
  section.append(fold);
}
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (const fold of [target.querySelector(":scope > details.deeper"), target.closest("details.deeper")]) {
    if (fold) fold.open = true;
  }
  target.scrollIntoView();
}
addEventListener("hashchange", openTarget);
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.deeper")) fold.open = true;
});
openTarget();

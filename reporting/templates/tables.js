// Tables that sort by a click, or a key, on a heading. Without this script they are plain tables.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const known = (cell) => cell.dataset.value !== undefined || cell.textContent !== "--";
  const compare = (one, other) => {
    if (one.dataset.value !== undefined && other.dataset.value !== undefined) {
      return Number(one.dataset.value) - Number(other.dataset.value);
    }
    return one.textContent.localeCompare(other.textContent, "en", { numeric: true });
  };
  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const rises = heading.getAttribute("aria-sort") === "descending"
        || (!heading.hasAttribute("aria-sort") && !heading.classList.contains("number"));
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
      const rows = [...body.rows].sort((one, other) => {
        const [a, b] = [one.cells[place], other.cells[place]];
        if (!known(a) || !known(b)) return known(b) - known(a); // what is not there stands last
        return rises ? compare(a, b) : compare(b, a);
      });
      body.append(...rows);
    });
  });
}

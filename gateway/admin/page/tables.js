// Tables that are brought up to date in place: a row that stays keeps its focus and its buttons.
// Whatever a row says is text, whoever wrote it: nothing is ever read as HTML.
//
// A column: { head, of(row), mark?(row), className?, title?(row) }; a mark is a word of the style.
// An action: { text(row), run(row), label(row) }; without text there is none for that row.

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function show(cell, text, mark, title) {
  const className = mark ? `mark ${mark}` : "";
  const inner = cell.firstElementChild;
  if (inner.textContent !== text) inner.textContent = text;
  if (inner.className !== className) inner.className = className;
  if (cell.title !== title) cell.title = title;
}

export class Table {
  constructor(table, columns, { key, going = () => false, actions = [], none }) {
    Object.assign(this, { columns, key, going, actions, none });
    const head = table.createTHead().insertRow();
    for (const column of columns) {
      const cell = element("th", column.head, column.className ?? "");
      cell.scope = "col";
      head.append(cell);
    }
    if (actions.length) {
      const cell = element("td", "", "act");
      head.append(cell);
    }
    this.body = table.createTBody();
  }

  fill(rows) {
    const former = new Map([...this.body.rows].map((line) => [line.key, line]));
    rows.forEach((row, index) => {
      const key = this.key(row);
      const line = former.get(key) ?? this.#make(key);
      former.delete(key);
      this.#update(line, row);
      if (this.body.rows[index] !== line) this.body.insertBefore(line, this.body.rows[index] ?? null);
    });
    for (const line of former.values()) line.remove();
    if (!rows.length) {
      const line = this.body.insertRow();
      line.className = "none";
      line.key = null;
      const cell = line.insertCell();
      cell.colSpan = this.columns.length + 1;
      cell.textContent = this.none;
    }
  }

  #make(key) {
    const line = document.createElement("tr");
    line.key = key;
    this.columns.forEach((column, index) => {
      const cell = element(index ? "td" : "th", "", column.className ?? "");
      if (!index) cell.scope = "row";
      cell.append(element("span"));
      line.append(cell);
    });
    if (this.actions.length) {
      const cell = element("td", "", "act");
      for (const action of this.actions) {
        const button = element("button");
        button.type = "button";
        button.addEventListener("click", () => action.run(line.row));
        cell.append(button);
      }
      line.append(cell);
    }
    return line;
  }

  #update(line, row) {
    line.row = row;
    line.classList.toggle("going", this.going(row));
    this.columns.forEach((column, index) => {
      show(line.cells[index], column.of(row), column.mark?.(row) ?? "", column.title?.(row) ?? "");
    });
    this.actions.forEach((action, index) => {
      const button = line.lastElementChild.children[index];
      const text = action.text(row);
      button.hidden = !text;
      if (button.textContent !== text) button.textContent = text;
      const label = action.label(row);
      if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
      button.disabled = this.going(row);
    });
  }
}

// What the page says and asks in words: one line of good news, one of bad, one question at a time.

const $ = (id) => document.getElementById(id);

let saidTimer = 0;

export function say(text) {
  $("said").textContent = text;
  $("said").hidden = !text;
  clearTimeout(saidTimer);
  if (text) saidTimer = setTimeout(() => say(""), 10000);
}

export function complain(text) {
  if ($("problem").textContent !== text) $("problem").textContent = text;
  $("problem").hidden = !text;
}

// Ask; the answer is whether to go on, or what was chosen. Escape and Cancel are no.
export function ask(title, text, yes, choices = []) {
  const dialog = $("question");
  $("question-title").textContent = title;
  $("question-text").textContent = text;
  $("yes").textContent = yes;
  $("choice-label").hidden = !choices.length;
  $("choice").replaceChildren(...choices.map(([value, shown]) => new Option(shown, value)));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    $("no").onclick = () => dialog.close("no");
    $("yes").onclick = () => dialog.close("yes");
    dialog.onclose = () => {
      const isYes = dialog.returnValue === "yes";
      resolve(isYes && { choice: $("choice").value });
    };
  });
}

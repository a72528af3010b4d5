// What the pages offer beyond plain HTML. Without it they work all the same.

// A button beside each password that shows and hides what was typed.
for (const input of document.querySelectorAll("input[data-reveal]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.setAttribute("aria-controls", input.id);
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", shown ? "Hide password" : "Show password");
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // Browsers remember what was typed into a field of type text, so it goes back before it is sent.
  input.form?.addEventListener("submit", () => show(false));
  addEventListener("pagehide", () => show(false));
  show(false);
  input.after(button);
}

// Times in the reader's own zone and manner.
const words = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.valueOf())) continue;
  time.title = time.textContent;
  time.textContent = words.format(moment);
}

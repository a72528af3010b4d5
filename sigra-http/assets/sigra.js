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

// Passkeys. Each element with `data-passkey` holds a button; its other data say where to ask for options, where to send the
// answer, and where to go then. Without script, and in browsers without passkeys, those elements stay hidden.

const problems = {
  NotAllowedError: "Nothing was confirmed: it was cancelled or took too long. Try again, or use another way.",
  InvalidStateError: "This device already has a passkey for your account.",
  SecurityError: "Passkeys do not work at this address. Use another way.",
  NotSupportedError: "This device cannot make the kind of passkey that is needed. Try another device.",
};

const rejections = {
  rate_limited: "There were too many tries. Wait a little and try again.",
  overloaded: "Many people are signing in right now. Try again in a few seconds.",
  locked_out: "There were too many wrong tries. Wait a little, or use another way.",
  passkey_limit: "Your account has as many passkeys as it may have. Remove one first.",
  reauth_required: "Confirm that it is you first, then try again.",
  unauthenticated: "Signing in took too long. Start again.",
};

class Rejected extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

const post = async (url, body) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Rejected(answer.code);
  return answer;
};

const tell = (element, error) => {
  const words = element.querySelector("[data-passkey-problem]");
  words.textContent =
    problems[error.name] ?? rejections[error.code] ?? "The passkey was not accepted. Try again, or use another way.";
  words.hidden = false;
};

// One ceremony runs at a time: a press of a button ends the one that waits for autofill.
let running;

const run = async (element, mediation) => {
  running?.abort();
  const abort = (running = new AbortController());
  const { passkey: purpose, start, finish } = element.dataset;
  const options = await post(start, {});
  const request = { signal: abort.signal, mediation };
  let body;
  if (purpose === "register") {
    request.publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    body = (await navigator.credentials.create(request)).toJSON();
  } else {
    request.publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    body = (await navigator.credentials.get(request)).toJSON();
  }
  if (purpose === "second-factor") {
    body.trust_browser = [...document.querySelectorAll("input[name=trust_browser]")].some((box) => box.checked);
  }
  const answer = await post(finish, purpose === "sudo" ? { method: "passkey", credential: body } : body);
  const next = element.dataset.next;
  const leads = answer.status === "step_required" ? element.dataset.steps : next || "/";
  location.assign(answer.status === "step_required" && next ? `${leads}?return_to=${encodeURIComponent(next)}` : leads);
};

if (globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const element of document.querySelectorAll("[data-passkey]")) {
    const button = element.querySelector("button");
    element.hidden = false;
    button.addEventListener("click", async () => {
      element.querySelector("[data-passkey-problem]").hidden = true;
      button.disabled = true;
      try {
        await run(element);
      } catch (error) {
        tell(element, error);
      }
      button.disabled = false;
    });
  }
  const signIn = document.querySelector('[data-passkey="sign-in"]');
  if (signIn && (await PublicKeyCredential.isConditionalMediationAvailable?.())) {
    // What ends it unasked (a press of the button, another page) is no news to anybody.
    run(signIn, "conditional").catch((error) => error instanceof Rejected && tell(signIn, error));
  }
}

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

// A form is sent once. A second press would throw away the answer to the first, and some answers are shown only once.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    // Whoever stopped the page from loading may try again.
    setTimeout(() => delete form.dataset.sent, 5000);
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

// Passkeys. Each element with `data-passkey` holds a button; its other data say where to ask for options, where to send the
// answer, where to go then, and where to sign in or confirm first. Without script, and in browsers without passkeys, those
// elements stay hidden.

const problems = {
  NotAllowedError: "Nothing was confirmed: it was cancelled or took too long. Try again, or use another way.",
  InvalidStateError: "This device already has a passkey for your account.",
  SecurityError: "Passkeys do not work at this address. Use another way.",
  NotSupportedError: "This device cannot make the kind of passkey that is needed. Try another device.",
};

const rejections = {
  unreachable: "The server could not be reached. Check your connection and try again.",
  rate_limited: "There were too many tries. Wait a little and try again.",
  overloaded: "Many people are signing in right now. Try again in a few seconds.",
  internal: "Something went wrong on our side. Try again in a moment.",
  locked_out: "There were too many wrong tries. Wait a little, or use another way.",
  passkey_limit: "Your account has as many passkeys as it may have. Remove one first.",
  not_enrolled: "Your account has no passkey any more. Use another way.",
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
  }).catch(() => {
    throw new Rejected("unreachable");
  });
  // Some answers are empty, and what stands in front of the server may answer something else.
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Rejected(answer.code);
  return answer;
};

const leave = (page, back) => location.assign(back ? `${page}?return_to=${encodeURIComponent(back)}` : page);

// Says what went wrong, or leads to where it is mended and back.
const tell = (element, error) => {
  const { passkey: purpose, login, sudo, next } = element.dataset;
  if (error.code === "reauth_required") return leave(sudo, next);
  // A sign-in that is over is told on the way from its own page.
  if (error.code === "unauthenticated") return leave(purpose === "second-factor" ? location.pathname : login, next);
  const words = element.querySelector("[data-passkey-problem]");
  words.textContent =
    problems[error.name] ?? rejections[error.code] ?? "The passkey was not accepted. Try again, or use another way.";
  words.hidden = false;
};

const ticked = (name) => [...document.querySelectorAll(`input[name=${name}]`)].some((box) => box.checked);

// Asks for a passkey and brings it to where it is judged. `begun` is called with the options, `shown` once there is a passkey.
const perform = async (element, signal, { mediation, begun, shown }) => {
  const { passkey: purpose, start, finish, next, steps } = element.dataset;
  signal.throwIfAborted();
  const options = await post(start, {});
  signal.throwIfAborted();
  begun?.(options);
  const request = { signal };
  if (mediation) request.mediation = mediation;
  let credential;
  if (purpose === "register") {
    request.publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    credential = await navigator.credentials.create(request);
  } else {
    request.publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    credential = await navigator.credentials.get(request);
  }
  shown?.();
  const body = credential.toJSON();
  if (purpose === "sign-in") body.remember_me = ticked("remember_me");
  if (purpose === "second-factor") body.trust_browser = ticked("trust_browser");
  const answer = await post(finish, purpose === "sudo" ? { method: "passkey", credential: body } : body);
  if (answer.status === "step_required") leave(steps, next);
  else location.assign(next || "/");
};

// One ceremony runs at a time, and begins when the one before it has ended: both set the cookie they are bound to.
let last = { abort() {}, ended: Promise.resolve() };

const run = (element, how = {}) => {
  last.abort();
  const controller = new AbortController();
  const done = last.ended.then(() => perform(element, controller.signal, how));
  last = { abort: () => controller.abort(), ended: done.catch(() => {}) };
  return done;
};

// Autofill waits for as long as the page is open, and its challenge does not: another is asked for before it expires, while
// somebody sees the page.
const autofill = (element) => {
  let timer;
  let paused = false;
  let tries = 3;
  const stop = () => {
    paused = true;
    clearTimeout(timer);
  };
  const renew = () => {
    if (paused) return;
    if (document.hidden) document.addEventListener("visibilitychange", renew, { once: true });
    else start();
  };
  const start = () => {
    paused = false;
    clearTimeout(timer);
    let picked = false;
    const begun = (options) => {
      timer = setTimeout(renew, Math.max((options.timeout ?? 60000) - 30000, 30000));
    };
    const shown = () => {
      picked = true;
      clearTimeout(timer);
    };
    run(element, { mediation: "conditional", begun, shown }).catch((error) => {
      // What ends it before somebody has picked a passkey (a press of the button, another page) is no news to anybody.
      if (!picked) return;
      tell(element, error);
      tries -= 1;
      if (tries > 0) start();
    });
  };
  return { start, stop };
};

if (
  globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON &&
  globalThis.PublicKeyCredential.parseCreationOptionsFromJSON
) {
  for (const element of document.querySelectorAll("[data-passkey]")) {
    const button = element.querySelector("button");
    const waiting = element.dataset.passkey === "sign-in" ? autofill(element) : undefined;
    let offered = false;
    element.hidden = false;
    button.addEventListener("click", () => {
      element.querySelector("[data-passkey-problem]").hidden = true;
      button.disabled = true;
      waiting?.stop();
      run(element).catch((error) => {
        tell(element, error);
        button.disabled = false;
        if (offered) waiting?.start();
      });
    });
    // A page that comes back from the browser's memory is used anew.
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      button.disabled = false;
      if (offered) waiting?.start();
    });
    if (waiting) {
      Promise.resolve(PublicKeyCredential.isConditionalMediationAvailable?.())
        .then((available) => {
          offered = available === true;
          if (offered && !button.disabled) waiting.start();
        })
        .catch(() => {});
    }
  }
}

// Shows the buttons that copy a link: they need this script.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  let copied = true;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Pages that are not served by https have no clipboard.
    field.select();
    copied = document.execCommand("copy");
  }
  button.textContent = copied ? "Copied" : "Failed";
  document.getElementById("copied").textContent = copied ? "The link is copied." : "The link could not be copied.";
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2000);
}

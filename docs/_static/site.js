// What the theme leaves without a name, for readers who cannot see it.
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("summary:not([aria-label])"))
    if (!summary.textContent.trim()) summary.setAttribute("aria-label", "Show or hide what is below");
  for (const box of document.querySelectorAll(".sphx-glr-thumbcontainer")) {
    const title = box.querySelector(".sphx-glr-thumbnail-title");
    const link = box.querySelector("a");
    if (title && link) link.setAttribute("aria-label", title.textContent);
  }
});

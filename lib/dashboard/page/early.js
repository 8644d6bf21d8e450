// Runs before the first paint, so that the page never shows in the wrong colours.
try {
  const theme = localStorage.getItem('sekisho-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the colours are those of the system.
}

// The chosen appearance, before anything is painted: a module would come too late, and an inline script is not allowed.
try {
  const theme = JSON.parse(localStorage.getItem('r1-theme') ?? '""')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Without it the page is as the system is.
}

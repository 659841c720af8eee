"""Pictures, maps and charts as they are shown, and the components that run in the browser."""

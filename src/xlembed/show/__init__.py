"""The report of a task: one content, written as HTML, Markdown and LaTeX, so that all three show the same numbers."""

"""One table with raw numbers, rendered to HTML, CSV, Markdown and booktabs LaTeX."""

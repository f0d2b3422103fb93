"""The documentation: Markdown pages, conf.py for Sphinx, and what makes parts of it from the code."""

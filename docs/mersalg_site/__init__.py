"""The documentation site: `python -m mersalg_site` with `docs` on the path, which `make docs` is.

`pages` reads the Markdown of the repository, `links` makes its links hold in the site, `generated` fills in what the
code says of itself, Sphinx makes HTML of it, and `twins` puts the Markdown and llms.txt beside it.
"""

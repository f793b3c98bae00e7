"""One folder per kind of figure, one file per figure: a module there has a `FIGURE`."""

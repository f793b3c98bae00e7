"""Public sets by name: what each is (`entries/*.yaml`), how its rows are laid out (`layouts/`), and reading them."""

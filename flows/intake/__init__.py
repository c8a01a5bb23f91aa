"""How images come in: checked and stored, fetched by address, listed once where a list is long."""

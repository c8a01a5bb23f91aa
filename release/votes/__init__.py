"""The votes that labels rest on: whose, from which round, and which of them count."""

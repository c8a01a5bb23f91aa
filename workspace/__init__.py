"""Where data lives: an object store (a local folder or S3), tables of Parquet parts, blobs, locks.

    <root>/
      alignbench.toml
      blobs/images/<first two hex>/<sha256>.<ext>
      tables/<table>/part-<32 hex>.parquet
      locks/<name>.json
      releases/<name>/<version>/...
      evaluations/<name>/<version>/...

A part file is a commit: written whole, named by the SHA-256 of its bytes. There is no manifest and
nothing else to update. Start reading at `workspace.workspace`.
"""

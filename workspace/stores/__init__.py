"""The object store under a workspace: a local folder or S3, with locks on both."""

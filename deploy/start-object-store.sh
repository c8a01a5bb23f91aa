#!/bin/sh
# Writes SeaweedFS's identities from the environment to $S3_CONFIG, then runs the given command.
# One may do everything in the bucket, the other read its images.
set -eu

cat >"$S3_CONFIG" <<JSON
{
  "identities": [
    {
      "name": "alignbench",
      "credentials": [{"accessKey": "$S3_ACCESS_KEY_ID", "secretKey": "$S3_SECRET_ACCESS_KEY"}],
      "actions": ["Admin:alignbench", "Read:alignbench", "Write:alignbench", "List:alignbench"]
    },
    {
      "name": "label-studio",
      "credentials": [
        {"accessKey": "$S3_READER_ACCESS_KEY_ID", "secretKey": "$S3_READER_SECRET_ACCESS_KEY"}
      ],
      "actions": ["Read:alignbench/*/blobs/images/*", "List:alignbench"]
    }
  ]
}
JSON

exec "$@"

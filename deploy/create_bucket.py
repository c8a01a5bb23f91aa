"""Make the workspace's bucket and let Label Studio's page read images from it.

Runs once per `docker compose up`, and does nothing the second time. Endpoint and credentials are
boto3's own variables (`AWS_ENDPOINT_URL_S3`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`).
"""

# ruff: noqa: T201 (a command prints)
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSConfigurationTypeDef

PREFLIGHT_SECONDS = 3600


def cors_rules(origins: Sequence[str]) -> CORSConfigurationTypeDef:
    """Give the CORS rules that let pages of `origins` read objects, and nothing more."""
    return {
        "CORSRules": [
            {
                "AllowedOrigins": list(origins),
                "AllowedMethods": ["GET", "HEAD"],
                "AllowedHeaders": ["*"],
                "ExposeHeaders": ["ETag", "Content-Length"],
                "MaxAgeSeconds": PREFLIGHT_SECONDS,
            }
        ]
    }


def ensure_bucket(client: S3Client, bucket: str, origins: Sequence[str]) -> bool:
    """Make `bucket` if it is not there, and set its CORS rules.

    Args:
        client: An S3 client that may create the bucket.
        bucket: The bucket's name.
        origins: Addresses of the pages that show images, as in `http://localhost:8080`.

    Returns:
        True if the bucket was made now, False if it was there.

    Raises:
        botocore.exceptions.ClientError: The store refused, for one because the name is another's.
    """
    created = not _exists(client, bucket)
    if created:
        client.create_bucket(Bucket=bucket)
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors_rules(origins))
    return created


def _exists(client: S3Client, bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
            raise
        return False
    return True


def main() -> int:
    """Set up the bucket that the environment names, and give the exit code."""
    bucket = os.environ["BUCKET"]
    origins = [origin.strip() for origin in os.environ["CORS_ORIGINS"].split(",") if origin.strip()]
    try:
        created = ensure_bucket(boto3.client("s3"), bucket, origins)
    except (BotoCoreError, ClientError) as error:
        print(f"Bucket {bucket!r} could not be set up: {error}", file=sys.stderr)
        return 1
    print(f"Bucket {bucket!r} {'made' if created else 'was there'}; readable from {origins}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

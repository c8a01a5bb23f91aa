"""What an S3 store answers when it does not do what it was asked, in errors an operator can use."""

import os
from typing import Final

from botocore.exceptions import ClientError

from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.item_codes import shorten
from alignbench.schemas.text import clean_text
from alignbench.workspace.errors import StoreRefusedError, StoreUnreachableError

BASIC_SETTING: Final = "ALIGNBENCH_S3_BASIC"
"""Environment variable: use nothing of S3 that only some stores know."""

_ON: Final = frozenset({"1", "true", "yes", "on"})

_REFUSALS: Final = frozenset({400, 405, 411, 501})
"""HTTP statuses of a store that does not know a header or a call."""

_ABOUT_SOMETHING_ELSE: Final = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "IllegalLocationConstraintException",
        "RequestTimeout",
        "NoSuchBucket",
    }
)
"""Codes that come with one of these statuses and mean credentials, time or the bucket."""

_ANY_FIX: Final = (
    "Check the bucket, the credentials and AWS_ENDPOINT_URL_S3, then run the same command again."
)
_RENEW: Final = "Renew the credentials (AWS_SESSION_TOKEN goes with its key), then go on."
_REGION: Final = "Set AWS_DEFAULT_REGION to the region of the bucket."
_FIXES: Final = {
    "ExpiredToken": _RENEW,
    "ExpiredTokenException": _RENEW,
    "InvalidToken": _RENEW,
    "TokenRefreshRequired": _RENEW,
    "RequestTimeTooSkewed": "Set the clock of this machine: it is off by more than S3 allows.",
    "RequestExpired": "Set the clock of this machine: it is off by more than S3 allows.",
    "NoSuchBucket": "Make the bucket, or correct its name in the address of the workspace.",
    "InvalidAccessKeyId": "Set AWS_ACCESS_KEY_ID to a key that this store knows.",
    "SignatureDoesNotMatch": "Correct AWS_SECRET_ACCESS_KEY; the key's id is known to the store.",
    "AccessDenied": "Let this key list the bucket, and read, write and delete in the workspace.",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "IllegalLocationConstraintException": _REGION,
}

_SECRETS: Final = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_LONGEST: Final = 400


def basic_is_set() -> bool:
    """Tells whether the environment asks for what every S3 store knows, and no more."""
    return os.environ.get(BASIC_SETTING, "").strip().lower() in _ON


def store_error(url: str, error: ClientError, *, is_basic: bool) -> AlignBenchError:
    """Returns the error of a store's answer, with the store's own words in it.

    Args:
        url: The store, for the message.
        error: The answer.
        is_basic: Whether the store was asked for no more than every S3 store knows.
    """
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status in _REFUSALS and code not in _ABOUT_SOMETHING_ELSE:
        what = f"{url} refused {error.operation_name}: {_words(error).rstrip('.')}."
        if is_basic:
            fix = "The store does not do what a workspace needs of S3: ask its operator."
        else:
            fix = (
                f"If the store knows no checksums or no conditional writes, set {BASIC_SETTING}=1 "
                "and run the same command again; docs/operators.md says what that costs."
            )
        return StoreRefusedError(what, fix)
    words = "there is no such bucket" if code == "NoSuchBucket" else _words(error)
    return unreachable(url, words, _FIXES.get(code, _ANY_FIX))


def unreachable(url: str, reason: str, fix: str = _ANY_FIX) -> StoreUnreachableError:
    """Returns the error of a store that cannot be used at all."""
    return StoreUnreachableError(f"{url} cannot be used: {reason.rstrip('.')}.", fix)


def _words(error: ClientError) -> str:
    """Returns code and message as the store gave them, made safe to print."""
    said = error.response["Error"]
    words = ": ".join(str(said[name]) for name in ("Code", "Message") if said.get(name))
    words = " ".join(clean_text(words).text.split())
    for name in _SECRETS:
        secret = os.environ.get(name)
        words = words.replace(secret, "***") if secret else words
    return shorten(words, _LONGEST)

"""Time stamps (RFC 3161): what each one stamps, and whether an authority that is trusted has signed it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate


def certificates(paths: Iterable[Path]) -> tuple[Certificate, ...]:
    """The certificates of PEM files, each one that is trusted.

    Raises
    ------
    AimsightError
        When a file cannot be read or holds none.
    """
    from cryptography.x509 import load_pem_x509_certificates

    found: dict[Certificate, None] = {}
    for path in paths:
        try:
            found |= dict.fromkeys(load_pem_x509_certificates(path.read_bytes()))
        except OSError as error:
            raise AimsightError(f"{path}: the certificate cannot be read: {error.strerror or error}") from error
        except ValueError:
            raise AimsightError(f"{path} holds no certificate in PEM form") from None
    return tuple(found)


def stamp_problem(answer: bytes, line: bytes, trusted: Sequence[Certificate]) -> str:
    """What is wrong with a time stamp of a line, as the end of a sentence; ``''`` when nothing is known to be.

    The certificate of the authority comes with the answer; it has to lead to one of those that are trusted, and to have
    been valid when the stamp was made. Without any of them only what was stamped is looked at.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(answer)
        if response.tst_info.message_imprint.message != hashlib.sha256(line).digest():
            return "is not of what it says"
        if trusted:
            VerifierBuilder(roots=list(trusted)).build().verify_message(response, line)
    except VerificationError as error:
        return f"is signed by no authority whose certificate is trusted here ({error})"
    except ValueError:
        return "is none"
    return ""

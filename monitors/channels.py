"""Where notices go: one small unit a channel, chosen by the scheme of the route's URL."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to one target: plain text, and the identities of the notices in it."""

    subject: str
    body: str
    keys: tuple[str, ...]
    sent_at: datetime


class DeliveryError(Exception):
    """A channel could not deliver; the message says why, without any secret of the URL."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to deliver: the URL schemes it answers for, and what it does (raising `DeliveryError` on failure)."""

    schemes: tuple[str, ...]
    send: Callable[[str, Message, Path], None]


def send(url: str, message: Message, root: Path) -> None:
    """Deliver to exactly one target.

    Parameters
    ----------
    url
        ``file:PATH``, a webhook (``https://...``), any Apprise URL, or ``env:NAME`` for one in the environment.
    message
        What to deliver.
    root
        Folder that relative paths start from.

    Raises
    ------
    DeliveryError
        Nothing was delivered, and why.
    """
    target = _resolved(url)
    scheme = target.partition(":")[0].lower()
    channel = next((channel for channel in CHANNELS if scheme in channel.schemes), APPRISE)
    channel.send(target, message, root)


def _resolved(url: str) -> str:
    if not url.startswith("env:"):
        return url
    name = url.removeprefix("env:")
    target = os.environ.get(name, "")
    if not target:
        raise DeliveryError(f"the environment variable {name} is not set")
    return target


def _to_file(url: str, message: Message, root: Path) -> None:
    """Append one line of JSON; only to a regular file, because a pipe could block for ever."""
    path = root / url.partition(":")[2].removeprefix("//")
    line = json.dumps(
        {
            "sent_at": message.sent_at.isoformat(),
            "subject": message.subject,
            "body": message.body,
            "notices": list(message.keys),
        },
        ensure_ascii=False,
    )
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise DeliveryError(f"{path} is not a regular file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror or error}") from error


def _by_apprise(url: str, message: Message, root: Path) -> None:
    """One target, one call: Apprise's result of several targets does not say which of them got the message."""
    del root
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of modules that apprise still looks for
        import apprise  # takes 0.3 s, and only when there is something to send

        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]  # apprise types its classes only in part
            service = apprise.Apprise()
            # A plain web address is a webhook that takes JSON, unless Apprise knows the service behind it.
            if not service.add(url) and not service.add(re.sub(r"^http(s?)://", r"json\1://", url)):
                raise DeliveryError("Apprise does not understand the URL of this route")
            try:
                result = service.notify(message.body, message.subject, body_format=apprise.NotifyFormat.TEXT)
            except (OSError, TypeError, ValueError, apprise.exception.AppriseException) as error:
                raise DeliveryError(_without_secrets(f"{type(error).__name__}: {error}", url)) from error
            # Only a result that is true was delivered; with a single target there is nothing partial about it.
            if not result:
                said = log.getvalue().strip().splitlines()
                why = said[-1] if said else "the service did not accept the message"
                raise DeliveryError(_without_secrets(why, url))


def _without_secrets(text: str, url: str) -> str:
    """The text with every user name, password, path part and parameter of the URL blotted out."""
    parts = urlsplit(url)
    secrets = {parts.username, parts.password, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))}
    known = {form for secret in secrets if secret for form in (secret, unquote(secret)) if len(form) > 2}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


FILE = Channel(("file",), _to_file)
APPRISE = Channel(("http", "https", "json", "jsons", "mailto", "mailtos"), _by_apprise)

CHANNELS: tuple[Channel, ...] = (FILE, APPRISE)
"""The first that answers for a scheme takes it; Apprise also takes every other scheme that it knows."""

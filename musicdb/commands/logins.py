"""Commands for accounts: login PLATFORM, logout PLATFORM. What is kept is said by `musicdb.secrets`, never here."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import Any

import click

from musicdb.commands import base
from musicdb.errors import BadInput

account_option = click.option(
    "--account", metavar="NAME", default="", help="A name for this account, where you have several at one platform."
)


@click.command(cls=base.Command)
@click.argument("platform", metavar="[PLATFORM]", required=False)
@account_option
@click.option("--endpoint", metavar="URL", hidden=True, help="Another address than the platform's own: a replay server.")
@base.json_option
def login(platform: str | None, account: str, endpoint: str | None, as_json: bool) -> None:
    """Log in to a platform, once.

    Says step by step what to do; what you type as a password or token is not shown. The login is kept in the system's keyring, else in a
    file that only you can read, never in the database. Without PLATFORM: which accounts are logged in.

    \b
    Example:
      musicdb login spotify
      musicdb login tidal --account Anna
      musicdb login discogs < token.txt
    """
    if platform is None:
        _show_accounts(as_json)
        return
    from musicdb import secrets

    module = _module(platform)
    secrets.accounts(module.PLATFORM)  # a folder that cannot be read is better known before a person types
    try:
        found = module.login(_ask, base.note, endpoint=endpoint)
    except KeyboardInterrupt:
        base.note("\nmusicdb: stopped; the login is as it was before")
        raise click.exceptions.Exit(base.INTERRUPTED) from None
    place = secrets.set(module.PLATFORM, account, dict(found) | ({"endpoint": endpoint} if endpoint else {}))
    whose = str(found.get("username") or found.get("user") or "")
    if as_json:
        base.say_json({"platform": module.PLATFORM, "account": account, "user": whose or None, "kept_in": place})
        return
    base.say(f"logged in to {_title(module)}{f' as {whose}' if whose else ''}; the login is kept in {place}")
    base.say(f"next: musicdb import {module.PLATFORM}" + (f" --account {account}" if account else ""))


@click.command(cls=base.Command)
@click.argument("platform")
@account_option
def logout(platform: str, account: str) -> None:
    """Forget the login to a platform.

    What was imported stays. The platform itself may go on to list musicdb among your apps: remove it there too if you like.

    \b
    Example:
      musicdb logout spotify
      musicdb logout tidal --account Anna
    """
    from musicdb import secrets

    module = _module(platform)
    if not secrets.delete(module.PLATFORM, account):
        there = [name or "the one without a name" for name in secrets.accounts(module.PLATFORM)]
        of = f" as {account}" if account else ""
        raise BadInput(f"nobody is logged in to {_title(module)}{of}; logged in: {', '.join(there) or 'none'}")
    base.say(f"logged out of {_title(module)}{f' ({account})' if account else ''}: the login is forgotten, what was imported stays")


def _title(module: Any) -> str:
    return getattr(module, "TITLE", module.PLATFORM.title())


def _module(platform: str) -> Any:
    """The platform file, where it takes a login. Raises BadInput naming those that do."""
    from musicdb import load

    names = [name for name in load.available() if hasattr(load.module(name), "login")]
    if platform not in names:
        needless = f"{platform} needs no login" if platform in load.available() else f"there is no platform {platform!r}"
        raise BadInput(f"{needless}; a login is for {', '.join(names) or 'none yet'}")
    return load.module(platform)


def _show_accounts(as_json: bool) -> None:
    from musicdb import load, secrets

    modules = [load.module(name) for name in load.available()]
    takes = [module for module in modules if hasattr(module, "login")]
    rows = [{"platform": m.PLATFORM, "account": name, "logged_in": True} for m in takes for name in secrets.accounts(m.PLATFORM)]
    there = {row["platform"] for row in rows}
    rows += [{"platform": m.PLATFORM, "account": "", "logged_in": False} for m in takes if m.PLATFORM not in there]
    rows.sort(key=lambda row: (row["platform"], row["account"]))
    if as_json:
        base.say_json(rows)
        return
    base.say(base.table([row | {"logged_in": "yes" if row["logged_in"] else "no"} for row in rows], ["platform", "account", "logged_in"]))
    missing = next((row["platform"] for row in rows if not row["logged_in"]), None)
    base.say(f"next: musicdb login {missing}" if missing else "next: musicdb import PLATFORM")


def _ask(prompt: str, secret: bool = False) -> str:
    """Ask a person; a secret is not shown while it is typed, and may come through a pipe. Raises BadInput where the input ends."""
    from musicdb import secrets

    prompt = prompt.rstrip()
    if not sys.stdin.isatty():
        base.note(prompt)
        answer = sys.stdin.readline()
        if not answer:
            raise BadInput(f"no answer came to: {prompt}")
    elif secret:
        answer = _hidden(prompt)
    else:
        answer = click.prompt(prompt, default="", show_default=False, prompt_suffix=" ", err=True)
    answer = answer.strip()
    if secret:
        secrets.remember(answer)
    return answer


def _hidden(prompt: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{prompt} ", stream=sys.stderr)
        except getpass.GetPassWarning:
            raise BadInput("this terminal cannot hide what is typed; give it through a pipe: `musicdb login ... < file`") from None
        except EOFError:
            raise BadInput(f"no answer came to: {prompt}") from None

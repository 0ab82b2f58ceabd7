"""Commands for accounts: login PLATFORM, logout PLATFORM. What is kept is said by `musicdb.secrets`, never here."""

from __future__ import annotations

import getpass
import sys
import warnings

import click

from musicdb.commands import base
from musicdb.errors import BadInput

account_option = click.option(
    "--account", metavar="NAME", default="", help="A name for this account, where you have several at one platform."
)


@click.command(cls=base.Command)
@click.argument("platform", metavar="[PLATFORM]", required=False)
@account_option
@click.option("--write", is_flag=True, help="Also allow what plans that you approve write: playlists and likes at Spotify. Without it a login may only read.")
@click.option("--endpoint", metavar="URL", hidden=True, help="Another address than the platform's own: a replay server.")
@base.json_option
def login(platform: str | None, account: str, write: bool, endpoint: str | None, as_json: bool) -> None:
    """Log in to a platform, once.

    Says step by step what to do; what you type as a password or token is not shown. The login is kept in the system's keyring, else in a
    file that only you can read, never in the database. Without PLATFORM: which accounts are logged in.

    \b
    Example:
      musicdb login spotify
      musicdb login spotify --write
      musicdb login tidal --account Anna
      musicdb login discogs < token.txt
    """
    if platform is None:
        _show_accounts(as_json)
        return
    from musicdb import logins
    from musicdb.shapes import title

    try:
        done = logins.log_in(platform, _ask, base.note, account=account, endpoint=endpoint, write=write)
    except KeyboardInterrupt:
        base.note("\nmusicdb: stopped; the login is as it was before")
        raise click.exceptions.Exit(base.INTERRUPTED) from None
    if as_json:
        base.say_json({"platform": platform, "account": account, "user": done.user, "kept_in": done.place} | ({"note": done.note} if done.note else {}))
        return
    base.say(f"logged in to {title(platform)}{f' as {done.user}' if done.user else ''}; the login is kept in {done.place}")
    if done.note:
        base.say(f"it {done.note}" + (f" --account {account}" if account else ""))
    base.say(f"next: musicdb import {platform}" + (f" --account {account}" if account else ""))


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
    from musicdb import logins

    base.say(logins.log_out(platform, account))


def _show_accounts(as_json: bool) -> None:
    from musicdb import logins

    rows = logins.accounts()
    if as_json:
        base.say_json(rows)
        return
    shown = [row | {"logged_in": "yes" if row["logged_in"] else "no", "user": row["user"] or ""} for row in rows]
    base.say(base.table(shown, ["platform", "account", "logged_in", "user", "note"]))
    missing = next((row["platform"] for row in rows if not row["logged_in"]), None)
    base.say(f"next: musicdb login {missing}" if missing else "next: musicdb import PLATFORM")


def _ask(prompt: str, secret: bool = False, until: object = None) -> str:
    """Ask a person; a secret is not shown while it is typed, and may come through a pipe. Raises BadInput where the input ends.

    until: nothing to a terminal, which waits for Enter.
    """
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

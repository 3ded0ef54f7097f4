"""The command `watch`: serves the page of a run on loopback, renewed while the run goes on."""

from contextlib import closing
from typing import Annotated

import typer

from cluster.arguments import Run
from cluster.terminal import PlainConsole, say


def watch(
    run: Run,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="of 127.0.0.1; one that is free if left out", show_default=False),
    ] = None,
) -> None:
    """Show a run in a browser, renewed while it goes on.

    It is the page of `report`, with what is at work now. Served to this host alone, until Ctrl-C.
    """
    from cluster.commands.watched_run import Watched
    from cluster.page_server import PageServer

    console = PlainConsole()
    with closing(Watched(run)) as watched, PageServer(watched.page, watched.changes, port) as server:
        say(console, f"{run} is shown at {server.address}")
        say(console, "whoever has this address, on this host, sees it; Ctrl-C ends it, and no search with it")
        server.serve()

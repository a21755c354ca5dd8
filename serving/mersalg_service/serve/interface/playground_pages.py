"""The playground of the bundle that answers now: `/playground/`, with the admin key alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, RedirectResponse

from mersalg.bundle import read_bundle
from mersalg.bundle.manifest import DIGEST
from mersalg_service.playground.server import headers_for
from mersalg_service.playground.site import START, Site, site_of
from mersalg_service.serve.guards import PLAYGROUND
from mersalg_service.serve.live_bundle import LiveBundle, Served
from mersalg_service.serve.problems import CallError
from mersalg_service.serve.service import Service

FILES: Final = f"{PLAYGROUND}/{{address:path}}"
READING: Final = ("GET", "HEAD")
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "a file of the page", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    401: {"description": "no admin key"},
    404: {"description": "no such file"},
    503: {"description": "no bundle yet, or another one in its folder"},
}


class LivePlayground:
    """The files of the page and of the bundle that answers; after a swap those of the new one."""

    def __init__(self, live: LiveBundle, dist: Path) -> None:
        self.live = live
        self.dist = dist
        self._made: tuple[Served, Site] | None = None
        self._making = threading.Lock()

    @property
    def made(self) -> Site | None:
        """The files, if they have been made since the last swap."""
        return self._made[1] if self._made is not None and self._made[0] is self.live.current else None

    def make(self) -> Site:
        """The files. Blocks; CallError (503) where the folder holds another bundle than the one that answers."""
        with self._making:
            if self.made is None:
                served = self.live.current
                bundle = read_bundle(served.folder)
                if bundle.manifest[DIGEST] != served.answerer.manifest[DIGEST]:
                    raise CallError(503, f"{served.folder}: holds another bundle than the one that answers", after=10)
                self._made = served, site_of([bundle], self.dist)
            assert self._made is not None
            return self._made[1]


def playground_routes(service: Service) -> APIRouter:
    """`/playground/` and what its page asks for."""
    router = APIRouter(tags=["playground"])
    pages = LivePlayground(service.live, Path(service.settings.playground))

    async def give(address: str) -> Response:
        """A file of the page, or of the bundle that answers."""
        address = address or START
        site = pages.made
        content = (await service.change(pages.make) if site is None else site).get(address)
        if isinstance(content, bytes):
            return Response(content, headers=headers_for(address))
        if content is None or not content.is_file():
            raise CallError(404, "Not Found")
        return FileResponse(content, headers=headers_for(address))

    async def lead() -> Response:
        """To the page."""
        return RedirectResponse(f".{PLAYGROUND}/", status_code=308)

    async def refuse() -> Response:
        """Nothing here is changed."""
        raise CallError(405, "Method Not Allowed", headers={"Allow": ", ".join(READING)})

    for method in READING:
        router.add_api_route(FILES, give, methods=[method], responses=RESPONSES)
        router.add_api_route(PLAYGROUND, lead, methods=[method], status_code=308)
    router.add_api_route(FILES, refuse, methods=["DELETE", "PATCH", "POST", "PUT"], include_in_schema=False)
    return router

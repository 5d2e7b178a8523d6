"""Plugins' pages for staff: static files from a folder of the plugin's, under `/plugins/FACILITY/PLUGIN/FOLDER/`."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

from twisted.internet.threads import deferToThread

from parloir.calls.facilities import Facility
from parloir.policy.collections import Page
from parloir.store.staff import Role, Staff
from parloir.web import reach
from parloir.web.door import Door
from parloir.web.errors import Refused
from parloir.web.files import File, read_file
from parloir.web.models import PageLink
from parloir.web.office import Office
from parloir.web.plugin_routes import known
from parloir.web.request import WebRequest

INDEX = "index.html"


class PluginPages:
    """Serves the pages of every facility's plugins as they are loaded now, to staff with the page's role."""

    def __init__(self, office: Office, door: Door, public_url: str) -> None:
        self._office = office
        self._door = door
        self._root = urlsplit(public_url).path.rstrip("/")

    def links(self, who: Staff) -> list[PageLink]:
        """The pages that they may open."""
        return [
            PageLink(facility=house.id, plugin=plugin, title=page.title, href=self._address(house.id, plugin, page))
            for house in self._office.facilities.all()
            if reach.has(who, house.id)
            for plugin, page in _pages(house)
            if _open_to(who, page)
        ]

    async def serve(self, request: WebRequest, facility: str, plugin: str, path: str = "") -> bytes | File:
        """A file of a page, or the way to log in or to the plugin's first page; raises Refused."""
        try:
            who = await self._door.admit(request)
        except Refused as refused:
            if refused.status != 401:
                raise
            there = quote(request.path.decode("latin-1"), safe="/%")
            return _go(request, f"{self._root}/login?next={self._root}{there}")
        house = known(self._office, facility)
        reach.require(who, facility)
        pages = [page for name, page in _pages(house) if name == plugin]
        name, slash, rest = path.partition("/")
        wanted = [page for page in pages if not name or Path(page.folder).name == name]
        if not wanted:
            raise Refused(404, "not_found", "there is nothing here")
        page = next((page for page in wanted if _open_to(who, page)), None)
        if page is None:
            raise Refused(403, "forbidden", f"{who.user} may not open this page")
        if not slash:
            return _go(request, self._address(facility, plugin, page))
        file = await deferToThread(read_file, Path(page.folder), rest or INDEX)
        if file is None:
            raise Refused(404, "not_found", "there is no such file")
        return file

    def _address(self, facility: str, plugin: str, page: Page) -> str:
        return f"{self._root}/plugins/{quote(facility)}/{quote(plugin)}/{quote(Path(page.folder).name)}/"


def _pages(house: Facility) -> Iterator[tuple[str, Page]]:
    return ((each.plugin, page) for each in house.policies.additions for page in each.pages)


def _open_to(who: Staff, page: Page) -> bool:
    return who.may(*(role for role in Role if role in page.roles))


def _go(request: WebRequest, address: str) -> bytes:
    request.say("location", address)
    request.say("cache-control", "no-store")
    request.setResponseCode(302)
    return b""

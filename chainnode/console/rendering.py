"""Pages out of templates: everything escaped, a name that is missing is an error.

Language and type size come from the address (`?lang=`), else a cookie, else the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from chainnode.console.matrix import ENTRANCES
from chainnode.console.words import LANGUAGES, said
from chainnode.login import Role, Session, safe_path
from chainnode.verify.verdict import local_time

LANGUAGE_COOKIE: Final = "kun-lang"
SIZE_COOKIE: Final = "kun-size"
LARGE: Final = "large"
# What stands in the bar at the top, in this order.
_MENU: Final = ("overview", "search", "findings", "disputes")
_MENU_PATHS: Final = {one.name: one.path for one in ENTRANCES if one.name in _MENU}
_ROLES: Final = {one.name: one.roles or frozenset(Role) for one in ENTRANCES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How somebody wants their pages."""

    language: str
    is_large: bool


def style_of(request: Request) -> Style:
    """Return the language and size that a request asks for."""
    wanted = (
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("Accept-Language", "")[:2].lower(),
    )
    language = next((one for one in wanted if one in LANGUAGES), LANGUAGES[0])
    return Style(language=language, is_large=request.cookies.get(SIZE_COOKIE) == LARGE)


class Pages:
    """The templates, and what all of them show."""

    def __init__(self, *, is_devnet: bool, names: Mapping[str, str]) -> None:
        self._templates = Environment(
            loader=PackageLoader("chainnode.console"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["time"] = local_time
        self._is_devnet = is_devnet
        self._names = names

    def page(
        self,
        template: str,
        request: Request,
        session: Session | None,
        *,
        status: int = 200,
        **shown: object,
    ) -> HTMLResponse:
        """Return a page in the language of the request."""
        style = style_of(request)
        text = self._templates.get_template(f"{template}.html").render(
            t=partial(said, language=style.language),
            style=style,
            other_language=next(one for one in LANGUAGES if one != style.language),
            # The page links to itself: `//elsewhere/` would be a link to another site.
            path=safe_path(request.url.path),
            menu=() if session is None else _menu(session),
            csrf="" if session is None else session.csrf,
            is_devnet=self._is_devnet,
            named=self._named,
            **shown,
        )
        headers = {"Content-Language": style.language, "Vary": "Cookie, Accept-Language"}
        return HTMLResponse(text, status, headers=headers)

    def _named(self, organisation: str) -> str:
        return self._names.get(organisation, organisation)


def _menu(session: Session) -> tuple[tuple[str, str], ...]:
    """Return name and path of the pages that somebody may open."""
    return tuple((name, _MENU_PATHS[name]) for name in _MENU if _ROLES[name] & session.person.roles)

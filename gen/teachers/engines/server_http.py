"""One exchange with a server: a body goes, a reply comes, or what broke on the way. Knows HTTP, and nothing of completions.

aiohttp, for it costs a third of a millisecond a request where others cost one to fifteen (docs/measurements.md). The key comes from
the environment and goes nowhere but into the header.
"""

from __future__ import annotations

import os
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from gen.errors import missing_extra
from gen.teachers.engines.server_refusal import KEYS
from gen.teachers.engines.server_reply import Broken, Reply

if TYPE_CHECKING:
    import aiohttp

CONNECT_SECONDS = 20.0


class Wire:
    """The connections to one server. Opened in the event loop that uses it; as many connections as requests are made at a time."""

    def __init__(self, address: str, *, timeout: float) -> None:
        """
        Args:
            address: of the API, such as ``http://localhost:8000/v1``.
            timeout: seconds after which a request counts as lost.
        """
        self.address = address
        self.timeout = timeout
        self.key_from = next((name for name in KEYS if os.environ.get(name, "").strip()), "")
        self._session: aiohttp.ClientSession | None = None
        self._chat = ""
        self._proxy = _proxy(address)

    async def ask(self, body: bytes) -> Reply | Broken:
        """Send a request for a completion."""
        session = self._session or self._open()
        return await self._exchange(session, "POST", self._chat, body)

    async def look(self, path: str) -> Reply | Broken:
        """Read something of the API, such as ``/models``."""
        session = self._session or self._open()
        return await self._exchange(session, "GET", self.address + path, None)

    async def _exchange(self, session: aiohttp.ClientSession, method: str, address: str, body: bytes | None) -> Reply | Broken:
        import aiohttp

        try:
            async with session.request(method, address, data=body, proxy=self._proxy, allow_redirects=False) as response:
                read = await response.read()
                headers = response.headers
                return Reply(response.status, read, headers.get("Retry-After", ""), headers.get("Location", ""))
        except TimeoutError:
            return Broken("timeout", f"no reply within {self.timeout:g} s", slow=True)
        except aiohttp.ClientConnectorError as error:
            return Broken("no connection", str(error.os_error))
        except aiohttp.ClientPayloadError:
            return Broken("cut reply", "the connection broke in the middle of the reply")
        except (aiohttp.ClientError, OSError) as error:
            return Broken("broken connection", str(error) or type(error).__name__)

    def _open(self) -> aiohttp.ClientSession:
        try:
            import aiohttp
        except ImportError:
            raise missing_extra("aiohttp", "server", "a server as teacher") from None
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key_from:
            headers["Authorization"] = f"Bearer {os.environ[self.key_from].strip()}"
        # The engine says how many requests are in flight, so the connector need not; cookies and proxies would be looked up each time.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=min(CONNECT_SECONDS, self.timeout)),
        )
        self._chat = self.address + "/chat/completions"
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for this address, looked up once."""
    parts = urlsplit(address)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def seconds_of(retry_after: str, now: float) -> float:
    """What ``Retry-After`` asks for, as seconds or a date, in seconds from now; 0 where it says nothing that can be read."""
    text = retry_after.strip()
    if not text:
        return 0.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 0.0

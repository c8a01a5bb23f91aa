"""A script that the server's pages lack: marks outlive a closed page, images grow, notes are sent.

It asks for nothing that the page would not ask for by itself, and does nothing where a later
version of the page works otherwise.
"""

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.utils.html import escape

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_END = b"</body>"


def add_script(request: HttpRequest, response: HttpResponse) -> None:
    """Adds the script to a page; leaves every other answer as it is."""
    is_page = response.get("Content-Type", "").startswith("text/html")
    if response.streaming or response.status_code != 200 or not is_page:
        return
    before, end, after = response.content.rpartition(_END)
    if end:
        nonce = escape(getattr(request, "csp_nonce", ""))
        script = f'<script nonce="{nonce}">\n{_SCRIPT}</script>\n'.encode()
        response.content = before + script + end + after

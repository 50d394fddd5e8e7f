"""What a report must be: one page that asks nothing of a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser

FETCHED = {"src", "srcset", "data", "poster", "background"}


class Page(HTMLParser):
    """Collects everything a browser would fetch by itself when it opens the page."""

    def __init__(self, text: str):
        super().__init__()
        self.fetched: list[str] = []
        self.headings: list[str] = []
        self._tag = ""
        self.feed(text)
        self.fetched += re.findall(r"url\(\s*['\"]?(?!data:|#)([^)'\"]+)", text)
        self.fetched += re.findall(r"@import\s+[^;]+", text)

    def handle_starttag(self, tag, attributes):
        self._tag = tag
        for name, value in attributes:
            value = value or ""
            if name in FETCHED or (name == "href" and tag in ("link", "use", "image", "base")):
                if value and not value.startswith(("data:", "#")):
                    self.fetched.append(f"<{tag} {name}={value[:80]}>")

    def handle_data(self, data):
        if self._tag in ("h1", "h2") and data.strip():
            self.headings.append(data.strip())
            self._tag = ""

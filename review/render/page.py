"""The frame of the project's pages: one file that loads nothing, for phones and screens, in dark and light."""

from __future__ import annotations

import re
from html import escape

STYLE = """
:root{--page:#fff;--text:#0f172a;--soft:#475569;--line:#cbd5e1;--card:#f8fafc;--danger:#b91c1c;--warning:#92400e;
 --good:#15803d;--accent:#1d4ed8;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--page:#0f172a;--text:#f1f5f9;--soft:#cbd5e1;--line:#475569;--card:#1e293b;
 --danger:#fca5a5;--warning:#fcd34d;--good:#86efac;--accent:#93c5fd}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.25rem;margin:.5rem 0}h2{font-size:1.05rem;margin:1.5rem 0 .5rem}
.verdict{font-weight:600;font-size:1.1rem;overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.9rem}
code{font:.88em ui-monospace,monospace;background:var(--card);border:1px solid var(--line);border-radius:4px;padding:0 .25em;
 overflow-wrap:anywhere}
ul.changes{list-style:none;padding:0;margin:0}
ul.changes>li{border-left:4px solid var(--line);background:var(--card);padding:.5rem .75rem;margin:.4rem 0;overflow-wrap:anywhere}
ul.changes>li.danger{border-color:var(--danger)}ul.changes>li.warning{border-color:var(--warning)}
.danger>b{color:var(--danger)}.warning>b{color:var(--warning)}
li ul{margin:.25rem 0 0;padding-left:1.1rem;color:var(--soft);font-size:.92rem}
details{border:1px solid var(--line);border-radius:6px;margin:.75rem 0}
summary{cursor:pointer;padding:.6rem .75rem;font-weight:600}
details>div{padding:0 .75rem .75rem}
.drawing{overflow-x:auto;-webkit-overflow-scrolling:touch}
.drawing svg{display:block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);padding:.35rem .5rem;overflow-wrap:anywhere;min-width:6rem}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.6rem;overflow:auto;max-height:24rem;
 font:.82rem/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0}
"""


def page(title: str, body: str, style: str = "") -> str:
    """Return a whole page; nothing in it can load or run anything."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def marked(text: str) -> str:
    """Return a message as HTML: its Markdown code as code."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(
        f"<code>{escape(part)}</code>" if index % 2 else escape(part) for index, part in enumerate(parts)
    )

"""A self-contained HTML page; all text given to it is escaped."""

import html
from typing import NamedTuple

from mnist_sum_tf.reports import files

STYLE = """
:root { color-scheme: light dark; --text: #202124; --soft: #5f6368;
  --back: #ffffff; --card: #f4f6f8; --line: #dadce0; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --text: #e8eaed; --soft: #9aa0a6;
  --back: #17191c; --card: #23262a; --line: #3c4043; --accent: #8ab4f8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text);
  background: var(--back); max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
a { color: var(--accent); } nav a { margin-right: 1rem; }
p, figcaption { max-width: 46rem; }
figcaption { color: var(--soft); margin-top: .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; break-inside: avoid; }
figure.plot img { width: 100%; max-width: 46rem; height: auto; display: block;
  background: #ffffff; border-radius: 8px; padding: .6rem;
  box-sizing: border-box; border: 1px solid var(--line); }
.worst { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
.worst figure { margin: 0; padding: .6rem; background: var(--card);
  border-radius: 8px; }
.worst img { width: 100%; height: auto; image-rendering: pixelated;
  display: block; }
.worst figcaption { font-size: .9rem; color: var(--text); }
@media print { body { max-width: none; font-size: 10pt; } nav { display: none; }
  .worst { grid-template-columns: repeat(3, 1fr); } }
"""


class Raw(str):
    """A string that is HTML already and must not be escaped again."""


def escape(text) -> Raw:
    """Text as HTML."""
    return text if isinstance(text, Raw) else Raw(html.escape(str(text)))


class Picture(NamedTuple):
    """A picture with what a person needs to read it.

    Attributes:
        name: of its PNG file, without the ending.
        png: the file's bytes.
        alt: what it shows, for those who do not see it.
        caption: how to read it.
    """

    name: str
    png: bytes
    alt: str
    caption: str


class Section(NamedTuple):
    """A part of the page.

    Attributes:
        title: its heading.
        content: HTML of this module's functions, one after another.
    """

    title: str
    content: list[Raw]


def build(title: str, lead: str, sections: list[Section]) -> str:
    """Returns a whole page as HTML.

    Args:
        title, lead: the heading and what stands under it.
        sections: in order.
    """
    anchors = [f"part{number}" for number in range(1, len(sections) + 1)]
    links = "\n".join(
        f'<a href="#{anchor}">{escape(section.title)}</a>'
        for anchor, section in zip(anchors, sections)
    )
    parts = "\n".join(
        f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n'
        + "\n".join(map(escape, section.content))
        + "\n</section>"
        for anchor, section in zip(anchors, sections)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p>{escape(lead)}</p>
<nav aria-label="Parts of this page">
{links}
</nav>
</header>
<main>
{parts}
</main>
</body>
</html>
"""


def paragraph(text: str) -> Raw:
    return Raw(f"<p>{escape(text)}</p>")


def table(header: list, rows: list[list]) -> Raw:
    """A table whose first column names its rows."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    lines = [
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    body = "\n".join(lines)
    return Raw(
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}'
        f"</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(picture: Picture) -> Raw:
    """A picture, held in the page itself."""
    return Raw(
        f'<figure class="plot"><img src="{files.data_uri(picture.png)}" '
        f'alt="{escape(picture.alt)}">\n'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def gallery(images) -> Raw:
    """Many small images.

    Args:
        images: (uint8 pixels `[height, width]`, alternative text, lines of the
            caption) of each.
    """
    figures = [
        f'<figure><img src="{files.data_uri(files.image_png(pixels))}" '
        f'alt="{escape(alt)}">\n<figcaption>'
        + "<br>".join(map(escape, lines))
        + "</figcaption></figure>"
        for pixels, alt, lines in images
    ]
    return Raw('<div class="worst">\n' + "\n".join(figures) + "\n</div>")

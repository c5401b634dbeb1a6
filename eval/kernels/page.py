"""The heat maps as one HTML page that needs nothing from anywhere.

Pictures are inside, there is no script, and a content security policy keeps the browser
from asking any network for anything. Every text is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from eval.kernels.colours import Pixels, coloured, png
from eval.kernels.maps import KernelMap, Tile

_HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 sans-serif; margin: 2em; color: #222; }}
main {{ display: flex; flex-wrap: wrap; gap: 1em; }}
figure {{ margin: 0; width: 224px; }}
figure img {{ width: 224px; height: 224px; image-rendering: pixelated; }}
figcaption {{ font-size: 13px; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; margin-top: 2em; }}
td, th {{ padding: 0.2em 0.8em; text-align: right; }}
td:first-child, th:first-child {{ text-align: left; }}
tr:nth-child(even) {{ background: #f3f3f3; }}
</style>
<h1>{title}</h1>
<p>Each position shows the sum of its K x K involution kernel (arXiv 2103.06255); dark
is small, yellow large, each map on a scale of its own.</p>
"""
COLUMNS = (
    *("layer", "kernel", "stride", "groups", "positions"),
    *("smallest", "mean", "largest"),
)


def as_html(
    title: str, picture: Pixels, maps: Sequence[KernelMap], shown: Sequence[Tile]
) -> str:
    """The whole page.

    Args:
        title: what is shown, of which picture.
        picture: what the net saw before it was normalised, uint8 BGR `[H, W, 3]`.
        maps: for the table.
        shown: the heat maps, in order.
    """
    height, width = picture.shape[:2]
    figures = [_figure(picture, "picture", f"{height} x {width} pixels")]
    figures += [_figure(coloured(t.values), t.name, t.facts) for t in shown]
    parts = [_HEAD.format(title=escape(title)), "<main>", *figures, "</main>"]
    return "\n".join([*parts, _table(rows(maps)), "</html>\n"])


def rows(maps: Sequence[KernelMap]) -> list[tuple[str, ...]]:
    """A row a map under `COLUMNS`, in words; numbers are over all groups."""
    return [
        (
            each.layer,
            f"{each.kernel_size}x{each.kernel_size}",
            str(each.stride),
            str(each.groups),
            " x ".join(map(str, each.sums.shape[1:])),
            # Plus zero: a negative zero is none to a reader.
            f"{each.sums.min() + 0.0:.4g}",
            f"{each.sums.mean() + 0.0:.4g}",
            f"{each.sums.max() + 0.0:.4g}",
        )
        for each in maps
    ]


def _figure(image: Pixels, name: str, facts: str) -> str:
    data = b64encode(png(image)).decode()
    return (
        f'<figure><img alt="{escape(name)}" src="data:image/png;base64,{data}">'
        f"<figcaption><b>{escape(name)}</b><br>{escape(facts)}</figcaption></figure>"
    )


def _table(lines: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
        for line in lines
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"

"""Reports that people look at: one object, shown as HTML, Markdown and JSON.

The object is built from scores and checked against its shape; the two readable forms
show the same sections, so that no number can be in one and not in the other. Equal
ledgers give equal bytes: nothing here knows the time, and no place on a disk is shown.
"""

from eval.reporting.build import Facts, report_object
from eval.reporting.choose import flipped, worst
from eval.reporting.html import as_html
from eval.reporting.markdown import as_markdown
from eval.reporting.names import ClassNames, load_names
from eval.reporting.sections import sections

__all__ = [
    "ClassNames",
    "Facts",
    "as_html",
    "as_markdown",
    "flipped",
    "load_names",
    "report_object",
    "sections",
    "worst",
]

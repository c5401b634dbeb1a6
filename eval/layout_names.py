"""Layouts and test sets by name, for the command line: it starts without numpy."""

LAYOUTS = ("folders", "list", "devkit", "flat", "tar", "parquet", "webdataset")
# The test set of published figures.
PUBLISHED = "ilsvrc2012"

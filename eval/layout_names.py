"""Layouts and test sets by name, for the command line: it starts without numpy."""

LAYOUTS = (
    *("folders", "list", "devkit", "flat", "tar", "parquet", "webdataset"),
    *("cifar-python", "cifar-binary"),
)
# The test set of published figures.
PUBLISHED = "ilsvrc2012"

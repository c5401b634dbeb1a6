"""The layouts by name, for the command line: it starts without loading numpy."""

LAYOUTS = ("folders", "list", "devkit", "flat", "tar", "parquet", "webdataset")
